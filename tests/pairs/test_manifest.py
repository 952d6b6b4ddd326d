"""A manifest that is not as the import wrote it is named, with the field."""
import json

import pytest

from pyterrier_hybrid.pairs import ParallelPairs
from pyterrier_hybrid.pairs.manifest import MANIFEST, read_manifest

ROWS = [{'id': f'{i}', 'source': 's', 'query': {'de': f'q{i}'}, 'positive': {'de': f'p{i}'}} for i in range(6)]


@pytest.fixture
def folder(tmp_path):
    return ParallelPairs.from_rows(ROWS, tmp_path / 'pairs', verbose=False).folder


def test_as_written(folder):
    manifest = read_manifest(folder)
    assert [entry['name'] for entry in manifest['sources']] == ['s'] and manifest['repeated_rows_skipped'] == 0
    assert set(manifest['files']) == {'s.arrow', 's.passage_ids.npy'}


@pytest.mark.parametrize('text', ['', '{', '[]', 'null', '3', '{"format": 2}', '[' * 100_000, '\xff'])
def test_not_a_manifest(folder, text):
    (folder / MANIFEST).write_text(text, encoding='latin-1')
    with pytest.raises(ValueError, match=r'manifest\.json is damaged.*import the pairs anew'):
        ParallelPairs(folder)


@pytest.mark.parametrize(('place', 'value', 'named'), [
    (['fingerprint'], None, '"fingerprint" is None'),
    (['files'], [], '"files"'),
    (['sources'], {}, '"sources"'),
    (['sources', 0], [], 'name'),
    (['sources', 0, 'name'], 7, '"name" is 7'),
    (['sources', 0, 'rows'], '6', '"rows"'),
    (['sources', 0, 'rows'], 7, '7 "rows" and strata of 6'),
    (['sources', 0, 'strata'], [], 'strata of 0'),
    (['sources', 0, 'strata', 0], ['de', ['de'], 0, 6, 6], 'the stratum'),
    (['sources', 0, 'strata', 0, 2], 1, 'the stratum'),
    (['sources', 0, 'strata', 0, 3], -1, 'the stratum'),
    (['sources', 0, 'table'], '../other.arrow', '"table" of the source \'s\''),
    (['sources', 0, 'passage_ids'], 'x' * 10**6, '"passage_ids" of the source'),
    (['sources', 0, 'digest'], None, '"digest"'),
])  # fmt: skip
def test_a_field_that_is_not_what_it_should_be(folder, place, value, named):
    manifest = json.loads((folder / MANIFEST).read_text())
    inside = manifest
    for step in place[:-1]:
        inside = inside[step]
    inside[place[-1]] = value
    (folder / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(ValueError, match=f'manifest.json is damaged: .*{named}') as error:
        ParallelPairs(folder)
    assert len(str(error.value)) < 500


def test_files_elsewhere_are_not_opened(folder):
    manifest = json.loads((folder / MANIFEST).read_text())
    manifest['files']['../../secret'] = {'bytes': 1, 'digest': ''}
    (folder / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(ValueError, match='damaged list of files'):
        ParallelPairs(folder)
