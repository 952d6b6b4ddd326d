"""Results on disk: absent or whole, the same bytes for the same result."""
import json
from dataclasses import replace

import pyarrow.parquet
import pytest

from pyterrier_hybrid.experiment import Result


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_what_is_saved_is_loaded(make_result, same, tmp_path):
    result = make_result()
    folder = result.save(tmp_path / 'deep' / 'result')
    same(Result.load(folder), result)
    assert {path.name for path in folder.parent.iterdir()} == {'result', '.result.lock'}  # nothing temporary is left


def test_the_same_result_has_the_same_bytes(make_result, tmp_path):
    first, second = make_result().save(tmp_path / 'one'), make_result().save(tmp_path / 'two')
    assert content(first) == content(second) == content(Result.load(first).save(tmp_path / 'three'))


def test_an_earlier_result_is_replaced_and_nothing_else_is(make_result, tmp_path):
    make_result().save(tmp_path / 'result')
    later = make_result(dataset='later')
    assert Result.load(later.save(tmp_path / 'result')).dataset == 'later'
    (tmp_path / 'mine').mkdir()
    (tmp_path / 'mine' / 'notes.txt').write_text('x')
    with pytest.raises(FileExistsError, match=r'mine has no result\.json: it is something else'):
        later.save(tmp_path / 'mine')
    assert [path.name for path in (tmp_path / 'mine').iterdir()] == ['notes.txt']


def test_a_save_that_fails_leaves_the_earlier_result(make_result, tmp_path):
    make_result().save(tmp_path / 'result')
    before = content(tmp_path / 'result')
    with pytest.raises(ValueError, match='JSON'):
        replace(make_result(dataset='later'), provenance={'loss': float('nan')}).save(tmp_path / 'result')
    assert content(tmp_path / 'result') == before
    assert {path.name for path in tmp_path.iterdir()} == {'result', '.result.lock'}


@pytest.mark.parametrize('damage, error, message', [
    (lambda folder: (folder / 'result.json').unlink(), FileNotFoundError, 'there is no result in .*: it has no result'),
    (lambda folder: (folder / 'result.json').write_text('{'), ValueError, 'result.json is not JSON'),
    (lambda folder: (folder / 'result.json').write_text('[' * 10**5), ValueError, 'result.json is not JSON'),
    (lambda folder: (folder / 'result.json').write_text('null'), ValueError, 'result.json is no JSON object'),
    (lambda folder: (folder / 'result.json').write_text('{"format": 9}'), ValueError, 'is of format 9.*evaluate again'),
    (lambda folder: (folder / 'matrix.parquet').write_bytes(b'x'), ValueError, 'matrix.parquet has 1 bytes'),
    (lambda folder: (folder / 'blanks.parquet').unlink(), ValueError, 'blanks.parquet is missing'),
    (lambda folder: (folder / 'blanks.parquet').unlink(), FileNotFoundError, 'blanks.parquet is missing'),
    (lambda folder: flip(folder / 'per_query.parquet'), ValueError, 'per_query.parquet has changed since'),
])  # fmt: skip
def test_damaged_results(make_result, tmp_path, damage, error, message):
    folder = make_result().save(tmp_path / 'result')
    Result.verify(folder)
    damage(folder)
    for read in (Result.load, Result.verify):
        with pytest.raises(error, match=message):
            read(folder)


def flip(path):
    """Changes a bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize('field', [
    'dataset', 'systems', 'measures', 'notes', 'provenance', 'cut', 'facts', 'files'
])  # fmt: skip
def test_fields_that_are_missing_or_of_another_type_are_named(make_result, tmp_path, field):
    folder = make_result().save(tmp_path / 'result')
    record = json.loads((folder / 'result.json').read_text())
    for value in (None, 3, [3], {'x': 3}, [{'name': 'AP'}]):
        wrong = {**record, field: value} if value is not None else {k: v for k, v in record.items() if k != field}
        if field in ('provenance', 'cut') and value == {'x': 3}:
            continue  # as it may be
        (folder / 'result.json').write_text(json.dumps(wrong))
        with pytest.raises(ValueError, match=rf"result.json .*'{field}'|has a damaged list of files"):
            Result.load(folder)


def test_results_of_the_first_format_are_read_and_have_no_digests(make_result, same, tmp_path):
    folder = make_result().save(tmp_path / 'result')
    record = json.loads((folder / 'result.json').read_text())
    record['format'] = 1
    for later in ('files', 'cut', 'facts'):
        del record[later]
    (folder / 'result.json').write_text(json.dumps(record))
    found = Result.load(folder)
    assert (found.cut, found.facts['RankDistance'].better) == ({}, -1)
    with pytest.raises(ValueError, match='without digests; save it again'):
        Result.verify(folder)
    found.save(folder)
    Result.verify(folder)


@pytest.mark.parametrize('frame, change, message', [
    ('per_query', lambda rows: rows.drop(columns='qid'), r"per_query.parquet has no column 'qid'"),
    ('per_query', lambda rows: rows.astype({'value': str}), r"per_query.parquet .* numbers in the column 'value'"),
    ('matrix', lambda rows: rows.astype({'rank': str}), r"matrix.parquet .* numbers in the column 'rank'"),
    ('chance', lambda rows: rows[[]], r"chance.parquet has no column 'measure'"),
])  # fmt: skip
def test_frames_without_their_columns_are_named(make_result, tmp_path, frame, change, message):
    result = make_result()
    folder = replace(result, **{frame: change(getattr(result, frame))}).save(tmp_path / 'result')
    with pytest.raises(ValueError, match=message):
        Result.load(folder)


def test_results_in_one_parquet_file(make_result, same, tmp_path):
    """The format of earlier versions: all but the values as JSON in the file's metadata."""
    result = replace(make_result(), cut={})  # of which they knew nothing
    record = {
        name: {'columns': list(frame.columns), 'data': frame.astype(object).to_numpy().tolist()}
        for name in ('blanks', 'matrix', 'chance') for frame in [getattr(result, name)]
    }
    record |= {name: getattr(result, name) for name in ('systems', 'measures', 'dataset', 'notes', 'provenance')}
    table = pyarrow.Table.from_pandas(result.per_query, preserve_index=False)
    metadata = {**table.schema.metadata, b'pyterrier_hybrid': json.dumps(record).encode()}
    pyarrow.parquet.write_table(table.replace_schema_metadata(metadata), tmp_path / 'old.parquet')
    same(Result.load(tmp_path / 'old.parquet'), result)
    with pytest.warns(FutureWarning, match=r'Result\.load'):
        same(Result.read_parquet(tmp_path / 'old.parquet'), result)
    result.per_query.to_parquet(tmp_path / 'other.parquet')
    with pytest.raises(ValueError, match=r'other.parquet holds no result; write one with Result.save'):
        Result.load(tmp_path / 'other.parquet')


def test_parquet_methods_of_earlier_versions(make_result, same, tmp_path):
    with pytest.warns(FutureWarning, match=r'Result\.save'):
        make_result().to_parquet(tmp_path / 'result')
    same(Result.load(tmp_path / 'result'), make_result())
