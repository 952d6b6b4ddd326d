"""What a run shows while it is trained."""
import pytest

from pyterrier_hybrid.training import train


@pytest.mark.parametrize('verbose', [True, False])
def test_a_bar_with_the_loss_and_no_line_for_every_log(corpus, tmp_path, capsys, verbose):
    train(corpus, tmp_path / 'run', backbone='static', mix={'crosslingual': 1}, batch_size=4, steps=5, validation=12,
          eval_steps=2, device='cpu', verbose=verbose)  # fmt: skip
    shown = capsys.readouterr()
    assert shown.out == ''
    assert ('5/5' in shown.err and 'loss=' in shown.err) == verbose
    assert "{'" not in shown.err
