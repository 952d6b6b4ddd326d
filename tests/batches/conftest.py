"""Pairs that several tests of batches draw from."""
import pytest


@pytest.fixture(scope='module')
def uneven(bare):
    """Two sources of unequal coverage, two that are too small alone, bitext; a row is its own passage."""
    return bare(
        faq=('qa', [('ar de en', 'ar de en', 300), ('de en', 'en', 180), ('en', 'en', 120)]),
        qa=('qa', [('de en', 'de en', 96)]),
        talks=('bitext', [('de en ru', 'de en ru', 150), ('de ru', 'de ru', 74)]),
        tiny=('qa', [('de', 'de', 10), ('en', 'en', 12)]),
        least=('qa', [('de', 'de', 9), ('de en', 'de en', 5)]),
    )
