"""The settings of a collection."""
import pytest

from pyterrier_hybrid.experiment import list_settings


def test_list_settings():
    found = list_settings(['de', 'en'], ['de', 'en'])
    assert [tuple(setting) for setting in found] == [
        ('monolingual', 'de', 'de'), ('crosslingual', 'de', 'en'), ('crosslingual', 'en', 'de'),
        ('monolingual', 'en', 'en'), ('multilingual', 'de', None), ('multilingual', 'en', None),
    ]  # fmt: skip
    assert [len(list_settings(range(11), range(11), kind)) for kind in ('monolingual', ['crosslingual'])] == [11, 110]
    assert list_settings(['sw'], ['en'], ['monolingual']) == []


@pytest.mark.parametrize('kinds', [['mono'], [], 'everything'])
def test_unknown_kinds_of_settings(kinds):
    with pytest.raises(ValueError, match='settings are some of monolingual, crosslingual, multilingual, not'):
        list_settings(['de'], ['de'], kinds)
