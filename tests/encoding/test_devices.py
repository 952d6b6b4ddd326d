"""Devices are refused before anything is computed; a forked process computes."""
import os
import subprocess
import sys

import pytest
import torch

from pyterrier_hybrid.encoding.devices import check_device, check_memory


@pytest.mark.parametrize('device', [None, 'cpu'])
def test_devices_that_are_there(device):
    assert check_device(device) is None


@pytest.mark.parametrize('device', ['warp', 'cpu:x', '', 'cuda:99', 'meta'])
def test_devices_that_are_not_there(device):
    with pytest.raises(ValueError, match=rf"the device '{device}' cannot be used \(.+\); give another one"):
        check_device(device)


def test_a_machine_without_a_gpu_says_so():
    if torch.cuda.is_available():
        pytest.skip('there is a GPU')
    with pytest.raises(ValueError, match="the device 'cuda' cannot be used"):
        check_device('cuda')


def test_weights_that_no_memory_holds():
    check_memory(1 << 20, 'dimension is 32')
    with pytest.raises(ValueError, match=r'^dimension is 99: its weights take 4,000,000,000 GB'):
        check_memory(10**18, 'dimension is 99')


CODE = """
import multiprocessing as mp, sys
from sentence_transformers import SentenceTransformer
from pyterrier_hybrid.encoding import HybridEncoder, small_backbone

def main():
    if sys.argv[1] == 'small':
        model = small_backbone([f'haus {i} maus {i * 7}' for i in range(300)], vocab_size=300)
        encoder = HybridEncoder.from_model(model)
    else:
        encoder = HybridEncoder(sys.argv[2], device='cpu' if sys.argv[1] == 'checkpoint' else ['cpu', 'cpu'])
    texts = ['a b c ' * 50] * 64
    encoder.encode_docs(texts)
    queue = mp.get_context('fork').Queue()
    child = mp.get_context('fork').Process(target=lambda: queue.put(encoder.encode_docs(texts).shape))
    child.start()
    child.join(60)
    alive = child.is_alive()
    child.kill()
    print('hangs' if alive else queue.get(timeout=10)[0])
    encoder.encode_docs(texts)

if __name__ == '__main__':
    main()
"""


@pytest.mark.skipif(not hasattr(os, 'fork'), reason='the system has no fork')
@pytest.mark.parametrize('kind', ['small', 'checkpoint', 'two devices'])
def test_a_process_that_is_forked_after_encoding_encodes(kind, mild, tmp_path):
    """A checkpoint may be compiled by OpenVINO, and two devices are processes, which are the parent's alone."""
    ours = ('OMP_NUM_THREADS', 'TOKENIZERS_PARALLELISM', 'PYTERRIER_HYBRID_DTYPE')
    free = {k: v for k, v in os.environ.items() if k not in ours}
    (tmp_path / 'forks.py').write_text(CODE)
    command = [sys.executable, str(tmp_path / 'forks.py'), kind, str(mild)]
    run = subprocess.run(command, env=free, capture_output=True, text=True, timeout=200)
    assert run.stdout.strip() == '64' and not run.returncode, run.stderr
