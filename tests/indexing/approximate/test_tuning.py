"""The tuner of approximate search: recalls by a naive count, what it chooses, and what it says when nothing will do."""
import ir_measures
import numpy as np
import pandas as pd
import pytest

from pyterrier_hybrid.indexing import HNSW, IVF, IVFPQ, MultilingualIndex, RecallNotReached, backends
from pyterrier_hybrid.indexing.tuning import _efforts
from pyterrier_hybrid.measures import Languages, RankDistance

D, N = 16, 1200
LANGS = ('de', 'en', 'th')


@pytest.fixture(scope='module')
def index(tmp_path_factory):
    """German and English lie about a few centres of their own; Thai, a fifth, about others, and more loosely."""
    rng = np.random.default_rng(0)
    langs = rng.choice(LANGS, N, p=[0.5, 0.3, 0.2])
    centres = rng.standard_normal((3, 8, D))
    noise = np.where(langs == 'th', 1.2, 0.5)[:, None] * rng.standard_normal((N, D))
    vectors = centres[[LANGS.index(lang) for lang in langs], rng.integers(8, size=N)] + noise
    docs = [{'docno': f'{i:04}', 'lang': lang, 'doc_vec': x} for i, (lang, x) in enumerate(zip(langs, vectors))]
    return MultilingualIndex(tmp_path_factory.mktemp('tuning') / 'x', verbose=False).index(docs)


@pytest.fixture(scope='module')
def topics(index):
    """Sixty questions, each near a passage and in its language."""
    rng = np.random.default_rng(1)
    docs = list(index.get_corpus_iter(verbose=False))[::20]
    vectors = [doc['doc_vec'] + 0.3 * rng.standard_normal(D).astype(np.float32) for doc in docs]
    return pd.DataFrame({
        'qid': [f'q{i}' for i in range(60)], 'query_lang': [doc['lang'] for doc in docs], 'query_vec': vectors
    })  # fmt: skip


@pytest.fixture(scope='module')
def qrels(index, topics):
    """The best passages of each language for a question, of which the last question has those of one language alone."""
    parts = [index.retriever(2, langs=lang)(topics) for lang in LANGS]
    qrels = pd.concat(parts)[['qid', 'docno']].assign(label=1)
    return qrels[(qrels['qid'] != 'q59') | qrels['docno'].isin(parts[0]['docno'])]


def test_recalls_are_those_of_a_naive_count(index, topics):
    tuning = index.tune(topics, backend=IVF(lists=16), recall=0.9, k=10)
    exact = index.retriever(10)(topics)
    for setting in tuning.settings['setting'][1:]:
        run = index.retriever(10, backend=eval(setting, vars(backends)))(topics)
        pairs = set(zip(run['qid'], run['docno']))
        hits = [(row.qid, row.query_lang, row.doc_lang, (row.qid, row.docno) in pairs) for row in exact.itertuples()]
        expected = {}
        for lang in LANGS:
            found = [hit for *_, doc_lang, hit in hits if doc_lang == lang]
            expected['passages', lang] = (sum(found) / len(found), len(found))
            shares = [sum(hit for q, _, _, hit in hits if q == qid) / 10
                      for qid, lang_ in zip(topics['qid'], topics['query_lang']) if lang_ == lang]  # fmt: skip
            expected['queries', lang] = (sum(shares) / len(shares), len(shares))
        rows = tuning.languages[tuning.languages['setting'] == setting]
        found = {(row.side, row.lang): (pytest.approx(row.recall), row.count_) for row in
                 rows.rename(columns={'count': 'count_'}).itertuples()}  # fmt: skip
        assert expected == found
        row = tuning.settings[tuning.settings['setting'] == setting].iloc[0]
        assert row['recall'] == pytest.approx(sum(hit for *_, hit in hits) / 600)
        side, lang = min(expected, key=lambda key: expected[key][0])
        assert row['least_recall'] == pytest.approx(expected[side, lang][0])
        assert row['least_in'].endswith(lang)


BACKENDS = ['hnsw', 'ivf', IVFPQ(lists=16, code_bytes=8), ['ivf', HNSW(neighbours=8)]]


@pytest.mark.parametrize('backend', BACKENDS, ids=str)
@pytest.mark.parametrize('langs', [None, ['en', 'th']])
def test_the_chosen_setting_finds_enough_in_every_language(index, topics, backend, langs):
    tuning = index.tune(topics, backend=backend, recall=0.95, k=10, langs=langs)
    best = tuning.settings[tuning.settings['setting'] == repr(tuning.best)].iloc[0]
    assert best['recall'] >= 0.95 and best['least_recall'] >= 0.95 and best['reached']
    assert best['seconds'] == tuning.settings['seconds'][1:][tuning.settings['reached'][1:]].min()
    run, exact = (index.retriever(10, langs=langs, backend=one)(topics) for one in (tuning.best, None))
    assert len(run.merge(exact, on=['qid', 'docno'])) / len(exact) == pytest.approx(best['recall'])
    assert tuning.settings['setting'][0] == 'exact' and tuning.settings['bytes'][0] == 4 * D
    assert repr(tuning) == f'Tuning(best={tuning.best!r})'


def test_a_language_cannot_hide_in_the_mean(index, topics):
    """Where the mean is enough and a language's recall is not, the setting has not reached what was asked for."""
    settings = index.tune(topics, backend=IVF(lists=16), recall=0.8, language_recall=0.95, k=10).settings[1:]
    hidden = settings[(settings['recall'] >= 0.8) & (settings['least_recall'] < 0.95)]
    assert len(hidden) and not hidden['reached'].any()
    loose = index.tune(topics, backend=IVF(lists=16), recall=0.8, language_recall=0.1, k=10).settings[1:]
    assert loose['reached'][loose['recall'] >= 0.8].all()
    assert set(hidden['setting']) & set(loose['setting'][loose['reached']])


def test_rank_distances_are_those_of_ir_measures(index, topics, qrels):
    tuning = index.tune(topics, backend=IVF(lists=16), recall=0.9, k=10, qrels=qrels)
    langs = Languages(index.langs_by_docno())
    judged = qrels[qrels['qid'] != 'q59'].rename(columns={'qid': 'query_id', 'docno': 'doc_id', 'label': 'relevance'})
    measures = {'RankDistance@10': RankDistance(langs=langs) @ 10,
                f'RankDistance(pool={N})': RankDistance(langs=langs, pool=N)}  # fmt: skip
    for setting, backend in (('exact', None), (repr(tuning.best), tuning.best)):
        run = index.retriever(10, backend=backend)(topics).rename(columns={'qid': 'query_id', 'docno': 'doc_id'})
        row = tuning.settings[tuning.settings['setting'] == setting].iloc[0]
        with pytest.warns(UserWarning, match='have languages of which nothing was retrieved'):
            expected = ir_measures.calc_aggregate(measures.values(), judged, run)
        assert {name: row[name] for name in measures} == pytest.approx({n: expected[m] for n, m in measures.items()})
    with pytest.raises(ValueError, match='no query of the qrels has relevant passages in two of the languages'):
        index.tune(topics, backend='ivf', k=10, qrels=qrels, langs='de')
    with pytest.raises(ValueError, match=r"the qrels judge 'nowhere', which the index at .* does not have"):
        index.tune(topics, k=10, qrels=pd.DataFrame({'qid': ['q1'], 'docno': ['nowhere'], 'label': [1]}))


def test_a_recall_that_no_setting_reaches(index, topics):
    message = (r'no setting has a recall of 1.0 in the mean .* the best is IVFPQ\(.*code_bytes=1\) with 0\.\d+ in the '
               r'mean and 0\.\d+ for (passages|queries) in')  # fmt: skip
    with pytest.raises(RecallNotReached, match=message) as caught:
        index.tune(topics, backend=IVFPQ(lists=4, code_bytes=1), recall=1.0, k=5)
    tuning = caught.value.tuning
    assert tuning.settings['least_recall'][1:].max() == tuning.settings.set_index('setting').loc[
        repr(tuning.best), 'least_recall'] < 1  # fmt: skip
    assert not tuning.settings['reached'][1:].any()


def test_bad_arguments(index, topics):
    for recall in (0, 1.1):
        with pytest.raises(ValueError, match=f'a recall of {recall} is asked for'):
            index.tune(topics, recall=recall)
    with pytest.raises(ValueError, match='there are no topics with a query_vec'):
        index.tune(topics.drop(columns='query_vec'))
    with pytest.raises(ValueError, match="there is no backend 'flat'"):
        index.tune(topics, backend=['ivf', 'flat'])
    with pytest.raises(ValueError, match='there is no backend to tune'):
        index.tune(topics, backend=[])
    with pytest.raises(ValueError, match='repeat is 0; each setting runs at least once'):
        index.tune(topics, repeat=0)


def test_an_index_that_is_replaced_meanwhile(build, docs, encoder, replace_when_opened):
    topics = encoder.query_encoder()(pd.DataFrame({'qid': ['q1'], 'query': ['de passage 3']}))
    index = build(docs)
    new = type(index)(index.path, verbose=False).indexer(mode='overwrite')
    tuned = index.tune(topics, backend=IVF(lists=2), k=2)
    assert isinstance(tuned.best, IVF)
    replace_when_opened(index, lambda: new.index(docs[::-1]))
    with pytest.raises(ValueError, match='was replaced while it was tuned; tune it again'):
        index.tune(topics, backend=IVF(lists=2), k=2)


@pytest.mark.parametrize('needed, expected', [
    (1, [1]), (3, [1, 2, 4, 3]), (5, [1, 2, 4, 8, 6, 5]), (7, [1, 2, 4, 8, 6, 7]), (18, [1, 2, 4, 8, 16, 20, 18, 17]),
    (21, [1, 2, 4, 8, 16, 20]),
])  # fmt: skip
def test_efforts_double_and_then_halve_the_last_step(needed, expected):
    tried, efforts = [], []
    for effort in _efforts(IVF(lists=20), 10, 1000, tried):
        efforts.append(effort)
        tried.append({'reached': effort >= needed, 'recall': effort / 20, 'least_recall': effort / 20})
    assert efforts == expected


def test_a_language_that_is_missing_counts_in_the_mean_alone(index, topics):
    topics = topics.assign(query_lang=topics['query_lang'].astype(object).where(topics.index % 2 == 0, None))
    languages = index.tune(topics, backend=IVF(lists=16), recall=0.5, k=10, repeat=1).languages
    assert set(languages[languages['side'] == 'queries']['lang']) == set(topics['query_lang'].dropna())
