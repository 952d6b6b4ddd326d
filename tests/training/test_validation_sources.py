"""What can be validated on, and what cannot, with the reason."""
import gzip
import json
import lzma
import warnings

import ir_datasets
import pytest

from datasets_ext import shape
from datasets_ext.provider import HybridDatasetProvider
from datasets_ext.shape import Doc, MemoryDocs, Qrel, Query
from pyterrier_hybrid.pairs import ParallelPairs
from pyterrier_hybrid.training import validation_sources
from pyterrier_hybrid.training.validation_sources import open_validation, warn_of_shared_texts


def squad(*paragraphs: tuple[str, list[str]]) -> bytes:
    """A SQuAD-format file of paragraphs and their questions."""
    content = [
        {'context': text, 'qas': [
            {'id': f'{i}.{j}', 'question': question, 'answers': [{'answer_start': 0, 'text': text[:3]}]}
            for j, question in enumerate(questions)
        ]} for i, (text, questions) in enumerate(paragraphs)
    ]  # fmt: skip
    return json.dumps({'data': [{'paragraphs': content}]}).encode()


TWO = squad(('Oslo lies in Norway.', ['Where is Oslo?', 'What is in Norway?']), ('Rome is old.', ['How old is Rome?']))


def register(name: str, langs=('en',), queries=None, qrels=None) -> str:
    docs = {lang: MemoryDocs(lambda lang=lang: [Doc(f'{lang}/{i}', f'{lang} passage {i}', '', '', lang)
                                                for i in range(12)], lang) for lang in langs}  # fmt: skip
    shape.register(
        name, docs=docs,
        queries=queries or (lambda ql: [Query(f'q{i}', f'question {i}', ql) for i in range(4)]),
        qrels=qrels or (lambda ql, dl: [Qrel(f'q{i}', f'{dl}/{i + 9}', int(i < 3), dl, ql) for i in range(4)]),
    )  # fmt: skip
    return name


def opened(validation, corpus=None):
    return open_validation(validation, corpus)[1]


def test_none_leaves_the_pairs_alone(corpus):
    assert open_validation(None, corpus) == (corpus, None)


@pytest.mark.parametrize(('name', 'write'), [
    ('dev.json', bytes), ('dev.json.gz', gzip.compress), ('dev.json.xz', lzma.compress), ('dev', bytes),
])  # fmt: skip
def test_a_squad_file(tmp_path, name, write, corpus):
    path = tmp_path / name
    path.write_bytes(write(TWO))
    pairs, found = open_validation(str(path), corpus)
    assert pairs is corpus and found.name == name and found.fingerprint == opened(path).fingerprint
    assert found.passages == ['Oslo lies in Norway.', 'Rome is old.'] and found.kinds == []
    assert list(zip(found.of_query.tolist(), found.of_passage.tolist())) == [(0, 0), (1, 0), (2, 1)]


def test_a_data_set_by_id_and_as_an_object():
    """Passages in the order of their ids (en/10 before en/9); a question without a relevant passage is left out."""
    name = register('val-one')
    found = [opened(each) for each in (
        name, f'{name}/en', f'irds:{name}/en', ir_datasets.load(f'{name}/en'),
        HybridDatasetProvider().get_dataset(f'{name}/en'),
    )]  # fmt: skip
    assert {(each.name, each.fingerprint) for each in found} == {('val-one/en', found[0].fingerprint)}
    assert found[0].queries == ['question 0', 'question 1', 'question 2']
    assert [found[0].passages[i] for i in found[0].of_passage] == ['en passage 9', 'en passage 10', 'en passage 11']
    assert found[0].passages[2:5] == ['en passage 10', 'en passage 11', 'en passage 2']


def test_pairs_and_their_folder(corpus):
    found = opened(corpus), opened(str(corpus.folder)), opened(corpus.folder)
    assert len({each.fingerprint for each in found}) == 1 and found[1].name == corpus.folder.name
    assert found[0].kinds == ['crosslingual', 'monolingual']


def test_a_collection_in_several_languages_must_say_which():
    name = register('val-two', langs=('de', 'en'))
    with pytest.raises(ValueError, match="val-two asks no questions; give one that asks some, such as 'val-two/de'"):
        opened(name)
    assert len(opened(f'{name}/de').passages) == 24


def test_nothing_to_validate_with(tmp_path, corpus):
    nothing = register('val-none', qrels=lambda ql, dl: [Qrel('q0', f'{dl}/1', 0, dl, ql)])
    with pytest.raises(ValueError, match='val-none/en has no question with a relevant passage, so it cannot be valid'):
        opened(nothing)
    lost = register('val-lost', qrels=lambda ql, dl: [Qrel('q0', f'{dl}/99', 1, dl, ql)])
    with pytest.raises(ValueError, match="val-lost/en judges 'en/99' relevant to 'q0', but has no such passage"):
        opened(lost)
    (tmp_path / 'docs.tsv').write_text('d1\ttext\n')
    with pytest.raises(ValueError, match=r'the data set given asks no questions$'):
        opened(ir_datasets.create_dataset(docs_tsv=str(tmp_path / 'docs.tsv')))
    (tmp_path / 'empty.json').write_bytes(squad())
    with pytest.raises(ValueError, match=r'empty\.json has no question with a relevant passage'):
        opened(tmp_path / 'empty.json')
    with pytest.raises(ValueError, match='is not JSON'):
        (tmp_path / 'broken.json').write_text('{')
        opened(tmp_path / 'broken.json')


def test_an_empty_question(tmp_path):
    """Refused at once, and not by the encoder at the first evaluation."""
    blank = register('val-blank', queries=lambda ql: [Query(f'q{i}', ' ' * (i == 1) or f'question {i}', ql)
                                                      for i in range(4)])  # fmt: skip
    with pytest.raises(ValueError, match="val-blank/en: query 'q1' is empty; drop it"):
        opened(blank)
    (tmp_path / 'dev.json').write_bytes(squad(('Oslo lies in Norway.', ['Where is Oslo?', ' '])))
    with pytest.raises(ValueError, match=r"dev\.json: .* \(question '0\.1'\)\.question is empty"):
        opened(tmp_path / 'dev.json')


def test_half_a_surrogate_pair():
    """As JSON can spell it; no tokenizer takes it."""
    half = register('val-half', queries=lambda ql: [Query(f'q{i}', f'question {i} \ud83d', ql) for i in range(4)])
    with pytest.raises(ValueError, match="val-half/en: query 'q0' holds half a surrogate pair"):
        opened(half)


def test_an_empty_question_that_nothing_answers_is_left_out():
    blank = register('val-unasked', queries=lambda ql: [Query(f'q{i}', 'q' * (i < 3), ql) for i in range(4)])
    assert len(opened(blank).queries) == 3


@pytest.mark.parametrize(('wrong', 'error', 'message'), [
    ('nowhere.json', FileNotFoundError, 'no SQuAD-format file at nowhere.json'),
    ('no-such-set', ValueError, "no data set 'no-such-set'; it is neither one of ir_datasets nor of this package"),
    (object(), TypeError, 'is not a data set of ir_datasets; give its id'),
    (True, ValueError, 'validation is True; to hold out pairs give a fraction of them, or a number of rows'),
])  # fmt: skip
def test_wrong(corpus, wrong, error, message):
    with pytest.raises(error, match=message):
        open_validation(wrong, corpus)


def test_the_papers_choice(data_root, corpus):
    """SQuADShifts' new-Wikipedia questions, from the real file."""
    found = opened(data_root / 'validation' / 'squadshifts_new_wiki.json.xz')
    assert (len(found.queries), len(found.passages)) == (7938, 1581)


def test_shared_texts_are_counted(tmp_path):
    (tmp_path / 'dev.json').write_bytes(TWO)
    rows = [{'id': f'{i}', 'source': 's', 'query': {'en': query}, 'positive': {'en': passage}} for i, (query, passage)
            in enumerate([('where is oslo', 'Other'), ('WHERE IS OSLO?', 'x'), ('What?', 'Rome is old')])]  # fmt: skip
    pairs = ParallelPairs.from_rows(rows, tmp_path / 'pairs', verbose=False)
    with pytest.warns(UserWarning, match=r'^1 of 3 questions and 1 of 2 passages of dev\.json occur in the train'):
        warn_of_shared_texts(opened(tmp_path / 'dev.json'), pairs, verbose=False)


def test_nothing_shared_is_nothing_said(tmp_path, corpus, capsys):
    (tmp_path / 'dev.json').write_bytes(TWO)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        warn_of_shared_texts(opened(tmp_path / 'dev.json'), corpus, verbose=False)
    assert capsys.readouterr().err == ''


def test_given_negatives_are_no_leak(tmp_path):
    (tmp_path / 'dev.json').write_bytes(TWO)
    rows = [{'id': '1', 'source': 's', 'query': {'en': 'q'}, 'positive': {'en': 'p'},
             'negatives': {'en': ['Rome is old.']}}]  # fmt: skip
    pairs = ParallelPairs.from_rows(rows, tmp_path / 'pairs', verbose=False)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        warn_of_shared_texts(opened(tmp_path / 'dev.json'), pairs, verbose=False)


def test_large_pairs_are_not_searched(tmp_path, corpus, monkeypatch, capsys):
    (tmp_path / 'dev.json').write_bytes(TWO)
    monkeypatch.setattr(validation_sources, 'SEARCHED_TEXTS', 100)
    monkeypatch.setattr(validation_sources, 'occurrences', None)
    warn_of_shared_texts(opened(tmp_path / 'dev.json'), corpus, verbose=True)
    assert '328 training texts are not searched for those of dev.json' in capsys.readouterr().out
