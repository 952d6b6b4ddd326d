"""The example on XQuAD-R, over a collection that is small enough to be worked by hand."""
import json

import pytest

import pyterrier_hybrid as ph
from datasets_ext import squad_files

PASSAGES = {
    'en': ['Otters hold hands.', 'Owls turn heads.', 'Whales eat krill.'],
    'de': ['Otter halten Händchen.', 'Eulen drehen Köpfe.', 'Wale fressen Krebse.'],
}
QUESTIONS = {'en': ['Who hold hands?', 'Who turn heads?', 'Who eat krill?'],
             'de': ['Wer hält Händchen?', 'Wer dreht Köpfe?', 'Wer frisst Krebse?']}


@pytest.fixture
def tiny(tmp_path) -> str:
    """A collection of two languages in which a question shares words with its answer in its own language alone."""
    for lang, texts in PASSAGES.items():
        paragraphs = [{'context': text, 'qas': [{'id': str(n), 'question': question, 'answers': [{'answer_start': 0}]}]}
                      for n, (text, question) in enumerate(zip(texts, QUESTIONS[lang]))]
        (tmp_path / f'{lang}.json').write_text(json.dumps({'data': [{'title': lang, 'paragraphs': paragraphs}]}))
    squad_files({lang: tmp_path / f'{lang}.json' for lang in PASSAGES}, 'tiny-animals')
    return 'tiny-animals/en'


def test_what_it_computes(run, encoder, tiny, capsys):
    table = run('xquad_r.py', encoder, '--dataset', tiny)['table'].set_index('name')
    assert list(table.index) == ['BM25', 'hybrid']
    # BM25 finds the English answer first and the German one never: a precision of 1 and of 0, 1 of 2, 1001 - 1.
    assert table.loc['BM25', ['AP', 'R@10', 'RankDistance@1000']].tolist() == [0.5, 0.5, 1000]
    # The encoder ranks all 6 passages.
    assert table.loc['hybrid', 'R@10'] == 1 and 1 <= table.loc['hybrid', 'RankDistance@1000'] <= 5
    assert {'AP p-value corrected', 'RankDistance@1000 reject'} <= set(table.columns)
    shown = capsys.readouterr().out
    assert 'query_lang' in shown and 'iteration' in shown and 'doc_lang' in shown and 'RankDistance@1000' in shown


def test_it_trains_an_encoder_where_none_is_given_and_keeps_it(run, tiny, tmp_path, monkeypatch, capsys):
    train, asked = ph.train, []

    def short(*arguments, **given):
        asked.append(given)
        return train(*arguments, **{**given, 'steps': 1})

    monkeypatch.setattr(ph, 'train', short, raising=False)
    found = [run('xquad_r.py', '--dataset', tiny)['table'] for _ in range(2)]
    assert found[0].equals(found[1])
    assert len(asked) == 1 and asked[0]['mix'] == {'monolingual': 0.5, 'crosslingual': 0.5}
    assert (tmp_path / 'runs' / 'example' / 'encoder' / 'training.json').is_file()
    assert 'not how well they can work' in capsys.readouterr().out


def test_a_trec_run_of_mdpr_stands_beside_the_others(run, encoder, tiny, tmp_path, capsys):
    assert list(run('xquad_r.py', encoder, '--dataset', tiny)['table']['name']) == ['BM25', 'hybrid']
    assert 'There is no mDPR in the table' in capsys.readouterr().out
    docnos = [doc['docno'] for doc in run('xquad_r.py', encoder, '--dataset', tiny)['dataset'].get_corpus_iter()]
    lines = [f'{qid} Q0 {docno} {n} {-n} mDPR' for qid in '012' for n, docno in enumerate(sorted(docnos))]
    (tmp_path / 'mdpr.trec').write_text('\n'.join(lines))
    table = run('xquad_r.py', encoder, '--dataset', tiny, '--mdpr', tmp_path / 'mdpr.trec')['table'].set_index('name')
    assert list(table.index) == ['BM25', 'hybrid', 'mDPR'] and table.loc['mDPR', 'R@10'] == 1
