"""MIRACL's dev split end to end: real questions and judgements, made passages in the format of its files."""
import gzip
import json
from pathlib import Path

import pytest
from ir_datasets.datasets import miracl

from datasets_ext.miracl_multi import judged_ids, qrels, queries
from pyterrier_hybrid import BM25Index
from pyterrier_hybrid.cli import main
from pyterrier_hybrid.experiment import EvaluationSet, Result

LANGS = ['bn', 'sw', 'yo']


@pytest.fixture
def shards(data_root, request):
    """The corpus files of three languages: relevant passages hold their questions, others nothing."""
    answers = {}
    for lang in LANGS:
        asked = {query.query_id: query.query for query in queries(lang, 'dev')}
        for qrel in qrels(lang, 'dev'):
            if qrel.relevance:
                answers.setdefault(qrel.doc_id, []).append(asked[qrel.query_id])
        ids = sorted(doc_id.partition(':')[2] for doc_id in judged_ids(lang, 'dev')) + [f'999{n}#0' for n in range(10)]
        for n, shard in enumerate(files := miracl.subsets[lang].docs_handler()._dlcs):
            path = Path(shard.path(force=False))
            path.parent.mkdir(parents=True, exist_ok=True)
            request.addfinalizer(path.unlink)
            with gzip.open(path, 'wt', compresslevel=1) as file:
                for doc_id in ids[n * len(ids) // len(files) : (n + 1) * len(ids) // len(files)]:
                    text = ' '.join(answers.get(f'{lang}:{doc_id}', ['nothing']))
                    file.write(json.dumps({'docid': doc_id, 'title': '', 'text': text}) + '\n')
    return answers


def test_evaluate_in_three_languages(shards, tmp_path, monkeypatch):
    """No file of another language is there to be opened, so that nothing else can be read."""
    collection = EvaluationSet('miracl-multi/dev', languages=LANGS)
    assert collection.languages == collection.query_languages == LANGS and not collection.is_whole
    passages = {lang: len(judged_ids(lang, 'dev')) + 10 for lang in LANGS}
    assert collection.pool_sizes.to_dict() == passages
    BM25Index(tmp_path / 'bm25', verbose=False).index(collection.docs())
    arguments = [
        'evaluate', '--dataset', 'miracl-multi/dev', '--languages', *LANGS, '--bm25', 'BM25', str(tmp_path / 'bm25'),
        '--measures', 'AP', 'nDCG@10', 'RankDistance', 'LPR', '--settings', 'monolingual', 'multilingual', '--quiet',
        '--out', str(tmp_path / 'result'), '--trec', str(tmp_path / 'runs'),
    ]  # fmt: skip
    assert main(arguments) == 0
    result = Result.load(tmp_path / 'result')
    cells = result.by_setting().set_index(['measure', 'setting', 'query_lang'])
    for lang in LANGS:
        assert cells.loc[('AP', 'monolingual', lang), 'n'] == len(collection.topics(lang))
        assert all(cells.loc[('AP', kind, lang), 'value'] > 0.8 for kind in ('monolingual', 'multilingual'))
    blanks = result.blanks[result.blanks['setting'] == 'multilingual']
    assert set(blanks['measure']) >= {'RankDistance', 'LPR'}  # relevant passages are in the question's language alone
    assert result.provenance['dataset']['passages'] == passages
    assert sorted(path.name for path in (tmp_path / 'runs' / 'BM25').glob('*.trec')) == sorted(
        [f'monolingual.{lang}.{lang}.trec' for lang in LANGS] + [f'multilingual.{lang}.trec' for lang in LANGS]
    )


def test_a_language_that_miracl_lacks(shards):
    with pytest.raises(ValueError, match="the collection miracl-multi/dev has no 'el'; its languages are ar, bn"):
        EvaluationSet('miracl-multi/dev', languages=['sw', 'el'])
