"""Which settings a name implies."""
import pytest

from pyterrier_hybrid.encoding.presets import PRESETS, Preset, find_preset


@pytest.mark.parametrize(('name', 'preset'), [
    ('castorini/mdpr-tied-pft-msmarco', 'mdpr'),
    ('castorini/mdpr-tied-pft-msmarco-ft-miracl-sw', 'mdpr'),
    ('castorini/mdpr-tied-pft-nq', 'mdpr'),
    ('sentence-transformers/LaBSE', 'labse'),
    ('xlm-roberta-base', 'xlm-r'),
    ('FacebookAI/xlm-roberta-large', 'xlm-r'),
])  # fmt: skip
def test_a_hub_name_implies_its_preset(name, preset):
    assert find_preset(None, name) is PRESETS[preset]


def test_any_other_name_leaves_all_to_the_checkpoint():
    assert find_preset(None, 'runs/mdpr-tied-pft-msmarco') == Preset()


@pytest.mark.parametrize('name', ['LaBSE', 'xlm-roberta-base'])
def test_a_folder_of_that_name_implies_none(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).mkdir()
    assert find_preset(None, name) == Preset()
    assert find_preset('labse', name) is PRESETS['labse']


def test_a_preset_asked_for_wins_over_the_name():
    assert find_preset('mdpr', 'xlm-roberta-base') is PRESETS['mdpr']


def test_an_unknown_preset_names_those_there_are():
    with pytest.raises(ValueError, match="unknown preset 'bge'; there are xlm-r, labse, mdpr"):
        find_preset('bge', 'x')


def test_override_replaces_what_is_given_and_nothing_else():
    settings = PRESETS['mdpr'].override(normalize=True, query_prefix='', pooling=None)
    assert (settings.normalize, settings.query_prefix, settings.pooling) == (True, '', 'cls')
    assert settings.max_passage_length == 256
    assert PRESETS['xlm-r'].override(query_prefix='').query_prefix == ''  # an empty prefix is a choice
