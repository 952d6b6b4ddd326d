"""Pairs out of ir_datasets' own mMARCO and Mr. TyDi entries, over files in their real formats at their cache paths."""
import gzip
import json

import ir_datasets
import pytest
from ir_datasets.datasets.base import Dataset

from pyterrier_hybrid.pairs.corpus import ParallelPairs
from pyterrier_hybrid.pairs.irds import MMARCO, MR_TYDI

MARCO_FILES = {
    'msmarco-passage/irds_version.txt': 'v2',
    'msmarco-passage/collection.tsv': '7\tpassage seven\n8\tpassage eight\n9\tpassage nine\n10\tnobody asks\n',
    'msmarco-passage/train/queries.tsv': '1\tquery one\n2\tquery two\n3\tnever judged\n',
    'msmarco-passage/train/qrels': '1 0 7 1\n2 0 9 1\n2 0 8 1\n1 0 10 0\n',
    'mmarco/v2/german_collection.tsv': '8\tPassage acht\n9\t \n7\tPassage sieben\n',
    'mmarco/v2/german.queries.train.tsv': '2\tFrage zwei\n1\tFrage eins\n',
    'mmarco/v2/dutch_collection.tsv': '7\tpassage zeven\n8\tpassage acht\n9\tpassage negen\n',
    'mmarco/v2/dutch.queries.train.tsv': '1\tvraag een\n',
}
TYDI_FILES = {
    'mr-tydi/irds_version.txt': 'v2',
    **{
        f'mr-tydi/{lang}.data/mrtydi-v1.0-{name}/{file}': text
        for lang, name in (('fi', 'finnish'), ('sw', 'swahili'))
        for file, text in (
            ('topic.train.tsv', f'1\t{name} question\n'),
            ('qrels.train.txt', '1 Q0 5#0 1\n'),
            ('collection/docs.jsonl.gz', json.dumps({'id': '5#0', 'contents': f'{name} title\n\n{name} text'})),
        )
    },
}


@pytest.fixture
def home(irds_home):
    """The ir_datasets home with the files in it; they are taken away again."""
    for name, text in {**MARCO_FILES, **TYDI_FILES}.items():
        path = irds_home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(text.encode()) if path.suffix == '.gz' else text.encode())
    yield irds_home
    for name in (*MARCO_FILES, *TYDI_FILES):
        (irds_home / name).unlink()


def rows_of(source) -> dict:
    """Id -> (queries, passages)."""
    rows = {}
    for stratum in source.strata:
        for row in range(stratum.start, stratum.stop):
            sides = []
            for side, langs in zip(('query', 'passage'), stratum):
                sides.append(dict(zip(langs, source.texts(side, [row] * len(langs), langs))))
            rows[source.ids([row])[0]] = tuple(sides)
    return rows


def test_mmarco_is_one_source_joined_on_ids(home, tmp_path):
    pairs = ParallelPairs.from_irds([MMARCO[x] for x in ('en', 'de', 'nl')], tmp_path / 'pairs', verbose=False)
    assert [source.name for source in pairs.sources] == ['mmarco/train']
    source = pairs.sources[0]
    assert rows_of(source) == {
        '1 7': ({'en': 'query one', 'de': 'Frage eins', 'nl': 'vraag een'},
                {'en': 'passage seven', 'de': 'Passage sieben', 'nl': 'passage zeven'}),
        '2 9': ({'en': 'query two', 'de': 'Frage zwei'}, {'en': 'passage nine', 'nl': 'passage negen'}),
        '2 8': ({'en': 'query two', 'de': 'Frage zwei'},
                {'en': 'passage eight', 'de': 'Passage acht', 'nl': 'passage acht'}),
    }  # fmt: skip
    one, eight, nine = (source.passage_ids[source.ids(range(3)).index(name)] for name in ('1 7', '2 8', '2 9'))
    assert one != eight == nine  # two passages that answer one question
    assert {path.name for path in tmp_path.iterdir()} == {'pairs', '.pairs.lock'}


def test_mr_tydi_is_not_joined(home, tmp_path):
    pairs = ParallelPairs.from_irds([MR_TYDI['sw'], MR_TYDI['fi']], tmp_path / 'pairs', verbose=False)
    assert {source.name: rows_of(source) for source in pairs.sources} == {
        f'mr-tydi/{lang}/train': {'1 5#0': ({lang: f'{name} question'}, {lang: f'{name} title\n\n{name} text'})}
        for lang, name in (('fi', 'finnish'), ('sw', 'swahili'))
    }
    assert len({number for source in pairs.sources for number in source.passage_ids}) == 2


def test_a_mapping_states_languages_and_joins(home, tmp_path):
    ids = {'fi': MR_TYDI['fi'], 'sw': MR_TYDI['sw']}
    pairs = ParallelPairs.from_irds([ids], tmp_path / 'pairs', verbose=False)
    assert [source.name for source in pairs.sources] == ['mr-tydi/fi/train+mr-tydi/sw/train']
    assert sorted(rows_of(pairs.sources[0])['1 5#0'][0]) == ['fi', 'sw']


def test_questions_and_passages_in_different_languages(home, tmp_path, monkeypatch):
    """As in WikiCLIR and NeuMARCO, whose questions are English: here German ones over Dutch passages."""
    asking = ir_datasets.load('mmarco/v2/de/train')
    docs = ir_datasets.load('mmarco/v2/dt').docs_handler()
    crossed = Dataset(docs, asking.queries_handler(), asking.qrels_handler())
    load = ir_datasets.load
    monkeypatch.setattr(ir_datasets, 'load', lambda name: crossed if name == 'crossed' else load(name))
    monkeypatch.setattr(docs, 'docs_lang', lambda: 'nl')
    pairs = ParallelPairs.from_irds(['crossed'], tmp_path / 'pairs', verbose=False)
    alone = {
        '1 7': ({'de': 'Frage eins'}, {'nl': 'passage zeven'}), '2 9': ({'de': 'Frage zwei'}, {'nl': 'passage negen'}),
        '2 8': ({'de': 'Frage zwei'}, {'nl': 'passage acht'}),
    }  # fmt: skip
    assert rows_of(pairs.sources[0]) == alone
    ids = {'nl': 'crossed', 'de': MMARCO['de'], 'en': MMARCO['en']}
    joined = rows_of(ParallelPairs.from_irds([ids], tmp_path / 'joined', verbose=False).sources[0])
    assert joined['1 7'] == ({'de': 'Frage eins', 'en': 'query one'},
                             {'nl': 'passage zeven', 'de': 'Passage sieben', 'en': 'passage seven'})  # fmt: skip
    with pytest.raises(ValueError, match="crossed has questions in 'de' and passages in 'nl', and none in 'fr'"):
        ParallelPairs.from_irds([{'fr': 'crossed'}], tmp_path / 'x', verbose=False)


def test_a_passage_of_our_data_sets_knows_its_language(tmp_path):
    (source,) = ParallelPairs.from_irds(['worldfacts/de'], tmp_path / 'pairs', verbose=False).sources
    rows, store = rows_of(source), ir_datasets.load('worldfacts').docs_store()
    assert {lang for queries, _ in rows.values() for lang in queries} == {'de'}
    assert {lang for _, passages in rows.values() for lang in passages} == {doc.lang for doc in store}
    for name, (_, passages) in rows.items():
        doc = store.get(name.split()[1])
        assert passages == {doc.lang: doc.default_text()}


@pytest.mark.parametrize('ids', [MMARCO, MR_TYDI])
def test_every_id_of_the_tables_is_a_training_set(ids):
    for lang, name in ids.items():
        dataset = ir_datasets.load(name)
        assert dataset.has_docs() and dataset.has_queries() and dataset.has_qrels()
        assert dataset.queries_lang() == {'nl': 'dt'}.get(lang, lang) or ids is not MMARCO


@pytest.mark.parametrize(
    ('datasets', 'message'),
    [
        ([], 'no data set given'),
        ('mmarco/v2/de/train', r"give a list of data sets, as in \['mmarco"),
        (['nowhere/train'], "ir_datasets has no data set 'nowhere/train'"),
        (['mmarco'], r'mmarco has no docs, so no pairs; one of its subsets may'),
        (['mmarco/v2'], "ir_datasets has no data set 'mmarco/v2'"),
        (['mmarco/v2/de'], r'mmarco/v2/de has no queries, so no pairs; one'),
        (['mmarco/de/train', 'mmarco/v2/de/train'], "mmarco/de/train and .*v2/de/train are both 'de' of mmarco/train"),
        (['codesearchnet/challenge'], r'does not state the language of codesearchnet/challenge; give it, as in'),
        ([{'German': 'mmarco/v2/de/train'}], "the data set mmarco/v2/de/train has the language 'German'"),
    ],
)
def test_bad_input(datasets, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        ParallelPairs.from_irds(datasets, tmp_path / 'pairs', verbose=False)
    assert {path.name for path in tmp_path.iterdir()} <= {'.pairs.lock'}


def test_a_judgement_of_a_missing_text(home, tmp_path):
    (home / 'msmarco-passage/train/qrels').write_text('1 0 7 1\n2 0 99 1\n66 0 7 1\n')
    missing = {'questions': "questions without a text: 1 .66.", 'passages': 'passages without a text: 1 .99.'}
    with pytest.warns(UserWarning, match=f'{missing["passages"]}.*{missing["questions"]}') as caught:
        pairs = ParallelPairs.from_irds([MMARCO['en']], tmp_path / 'pairs', verbose=False)
    assert len(pairs) == 1 and caught[0].filename == __file__
    with pytest.raises(ValueError, match="the judgements of mmarco/train name the passage '99', which has no text"):
        ParallelPairs.from_irds([MMARCO['en']], tmp_path / 'strict', strict=True, verbose=False)
    assert not (tmp_path / 'strict').exists()
