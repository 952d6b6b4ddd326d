"""docs/data-sets.md: its figures, its ids and its examples of the interchange format."""
import re
from pathlib import Path

import ir_datasets
import pytest

from datasets_ext.shape import REGISTERED
from pyterrier_hybrid.pairs import ParallelPairs

PAGE = (Path(__file__).resolve().parents[2] / 'docs' / 'data-sets.md').read_text()
ROWS = [[cell.strip(' `*') for cell in line.strip('|').split('|')] for line in PAGE.splitlines() if line[:1] == '|']
BLOCKS = re.findall(r'```(\w+)\n(.*?)```', PAGE, re.DOTALL)


def number(cell: str) -> int:
    return int(cell.replace(',', ''))


def count(dataset_id: str, entity: str) -> int:
    """What the shipped metadata say, whatever a smaller corpus in the test's home holds."""
    return REGISTERED[dataset_id].metadata()[entity]['count']


@pytest.mark.parametrize('name', ['xquad-r', 'mlqa-r', 'worldfacts', 'squadshifts-new-wiki', 'miracl-multi'])
def test_figures_of_the_collections(name):
    (row,) = [row for row in ROWS if row[0] == name and len(row) == 5]
    langs = [known.split('/')[1] for known in REGISTERED if re.fullmatch(f'{name}/[a-z][a-z](/dev)?', known)]
    assert (int(re.match('[0-9]+', row[1])[0]), number(row[2])) == (len(langs), count(name, 'docs'))
    if name != 'miracl-multi':
        counts = {count(f'{name}/{lang}', 'queries') for lang in langs}
        assert [number(n) for n in re.findall('[0-9,]+', row[3])] == sorted({min(counts), max(counts)})


@pytest.mark.parametrize('split', ['train', 'dev', 'test-a', 'test-b'])
def test_figures_of_miracl(split):
    (row,) = [row for row in ROWS if row[0] == split]
    assert number(row[2]) == count(f'miracl-multi/{split}', 'queries')
    assert int(row[1]) == sum(bool(re.fullmatch(f'miracl-multi/[a-z][a-z]/{split}', known)) for known in REGISTERED)
    if REGISTERED[f'miracl-multi/{split}'].has_qrels():
        judged = count(f'miracl-multi/{split}', 'qrels'), count(f'miracl-multi/judged/{split}', 'docs')
        assert tuple(number(cell) for cell in row[3:]) == judged
    else:
        assert row[3:] == ['not public', '']


def test_every_id_is_one():
    ids = {quoted for quoted in re.findall(r'`(?:hybrid:|irds:)?([a-z0-9-]+(?:/[a-z0-9-]+)+)`', PAGE)}
    assert {'xquad-r/de/en', 'mlqa-r/de/en', 'miracl-multi/judged/sw/dev', 'squadshifts-new-wiki/en'} <= ids
    own = {each for each in ids if each.startswith('my-qa/')} | {'qrels/test.tsv'}
    assert [each for each in ids - own if each not in ir_datasets.registry] == []


def test_the_interchange_format(tmp_path):
    (tmp_path / 'pairs.jsonl').write_text(next(text for kind, text in BLOCKS if kind == 'json'))
    pairs = ParallelPairs.from_jsonl(tmp_path / 'pairs.jsonl', tmp_path / 'pairs', verbose=False)
    assert [source.name for source in pairs.sources] == ['mkqa', 'ntrex'] and pairs.languages == ['de', 'en']


def test_the_code_names_what_there_is():
    import datasets_ext
    from pyterrier_hybrid.pairs.irds import MMARCO, MR_TYDI

    code = '\n'.join(text for kind, text in BLOCKS if kind == 'python')
    compile(code, 'docs/data-sets.md', 'exec')
    methods = set(re.findall(r'ParallelPairs\.(\w+)', code)) | set(re.findall(r'pairs\.(\w+)\(', code))
    assert {'from_jsonl', 'from_irds', 'from_squad', 'from_rows', 'describe', 'overlap'} <= methods
    assert all(hasattr(ParallelPairs, method) for method in methods - {'training_pairs'})
    assert {'beir_folder', 'squad_files'} <= set(datasets_ext.__all__) and 'ar' in MR_TYDI
    listed = re.search(r'`mmarco/v2/<lang>/train` for ([a-z ]+) and `dt`', PAGE.replace('\n', ' '))[1].split()
    assert sorted([*listed, 'nl', 'en']) == sorted(MMARCO)


def test_the_example_of_a_data_set_registers_one():
    exec(next(text for kind, text in BLOCKS if kind == 'python' and "register('capitals'" in text), {})
    dataset = REGISTERED['capitals/de/en']
    assert [query.query for query in dataset.queries_iter()] == ['Wo liegt Paris?']
    assert [qrel.doc_id for qrel in dataset.qrels_iter()] == [doc.doc_id for doc in dataset.docs_iter()] == ['en/0.0']
