"""The collection as shipped, against an oracle that reads its sentences back with regular expressions."""
import os
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import ir_datasets
import pytest
import yaml

from datasets_ext import worldfacts
from datasets_ext.worldfacts.lexicon import SHIPPED, Lexicon, Relation, Wordings

LANGUAGES = ['ar', 'de', 'el', 'en', 'es', 'hi', 'ru', 'th', 'tr', 'vi', 'zh']


def raw(name: str) -> dict:
    return yaml.safe_load((SHIPPED / name).read_text(encoding='utf-8'))


FACTS = raw('facts.yaml')['facts']
SHIPPED_LANGUAGES = sorted(path.stem for path in (SHIPPED / 'names').iterdir())


def values(entity: str, relation: str) -> list[str]:
    value = FACTS[entity][relation]
    return value if isinstance(value, list) else [value]


class Oracle:
    """Reads sentences of one language back: (entity, relation, wording), and the value of a statement, as ids."""

    def __init__(self, lang: str):
        self.ids = {name: key for group in raw(f'names/{lang}.yaml').values() for key, name in group.items()}
        self.templates = [
            (part, relation, number, re.compile(re.sub(r'\\\{(\w+)\\\}', r'(?P<\1>.+)', re.escape(template))))
            for relation, wordings in raw(f'wordings/{lang}.yaml').items()
            for part, templates in wordings.items()
            for number, template in enumerate(templates)
        ]

    def read(self, part: str, text: str) -> tuple[str, ...]:
        found = []
        for kind, relation, number, pattern in self.templates:
            match = pattern.fullmatch(text) if kind == part else None
            ids = [self.ids.get(name) for name in match.groupdict().values()] if match else [None]
            if None not in ids:
                named = dict(zip(match.groupdict(), ids))
                found.append((named['entity'], relation, number, *([named['value']] if part == 'state' else [])))
        assert len(found) == 1, f'{text!r} reads as {found}'
        return found[0]


def both_sides(entity: str, relation: str, number: int, value: str) -> list[tuple[str, str, str]]:
    """What a sentence says, as (entity, relation, value): of neighbours it says two things."""
    return [(entity, relation, value)] + [(value, relation, entity)] * (relation == 'neighbour')


@pytest.fixture(scope='module', params=SHIPPED_LANGUAGES)
def lang(request) -> str:
    return request.param


@pytest.fixture(scope='module')
def lexicon() -> Lexicon:
    return worldfacts.load()


@pytest.fixture(scope='module')
def docs(lang, lexicon):
    return worldfacts.documents(lexicon, lang)


@pytest.fixture(scope='module')
def oracle(lang) -> Oracle:
    return Oracle(lang)


def test_all_languages_are_there(lexicon):
    assert list(lexicon.names) == list(lexicon.wordings) == LANGUAGES


def test_it_is_as_large_as_promised(lexicon):
    cells = sum(map(len, FACTS.values()))
    assert len(FACTS) >= 84 and 10 <= len(lexicon.relations) <= 11 and cells >= 850
    assert .35 * cells <= len(worldfacts.asked_cells()) <= .40 * cells
    assert sum(len(worldfacts.documents(lexicon, lang)) for lang in lexicon.names) >= 5000 * len(lexicon.names) / 11


def test_every_sentence_states_a_fact_and_every_fact_is_stated_in_each_wording(docs, oracle, lexicon, lang):
    stated = [oracle.read('state', doc.text) for doc in docs]
    expected = {
        (entity, relation, number, value)
        for entity, row in FACTS.items()
        for relation in row
        for value in values(entity, relation)
        for number in range(len(lexicon.wordings[lang][relation].state))
    }
    assert len(stated) == len(expected) and set(stated) == expected


def test_documents_keep_their_promises(docs, lang, lexicon):
    assert len({doc.doc_id for doc in docs}) == len({doc.text for doc in docs}) == len(docs)
    articles = defaultdict(list)
    for doc in docs:
        article, sentence = re.fullmatch(rf'{lang}/(\d+)\.(\d+)', doc.doc_id).groups()
        assert int(sentence) == len(articles[int(article)])
        articles[int(article)].append(doc)
        assert doc.text in doc.context and doc.lang == lang
    assert list(articles) == list(range(len(FACTS)))
    for entity, article in zip(FACTS, articles.values()):
        assert {doc.title for doc in article} == {lexicon.names[lang][entity]}
        assert {doc.context for doc in article} == {('' if lang == 'zh' else ' ').join(doc.text for doc in article)}


def test_questions_are_distinct_and_ask_what_their_ids_say(lang, lexicon, oracle):
    questions = worldfacts.questions(lexicon, lang, worldfacts.asked_cells())
    assert len({question.query for question in questions}) == len(questions) >= 600
    for question in questions:
        entity, relation, number = oracle.read('ask', question.query)
        assert question.query_id == f'{entity}|{relation}|{number}' and question.query_lang == lang
        assert not re.search(r'\s', question.query_id)


def test_relevant_are_exactly_the_sentences_that_state_the_fact(docs, oracle, lang, lexicon):
    stating = defaultdict(set)
    for doc in docs:
        for entity, relation, _ in both_sides(*oracle.read('state', doc.text)):
            stating[entity, relation].add(doc.doc_id)
    judged = defaultdict(list)
    for qrel in worldfacts.judgements(lexicon, 'en', lang, worldfacts.asked_cells()):
        judged[qrel.query_id].append(qrel.doc_id)
        assert (qrel.relevance, qrel.iteration, qrel.query_lang) == (1, lang, 'en')
    questions = worldfacts.questions(lexicon, 'en', worldfacts.asked_cells())
    assert list(judged) == [question.query_id for question in questions]
    assert len(judged['country.luxembourg|neighbour|0']) == 3 * 2 + 1 * 2  # Belgium, too, says that it borders it
    for query_id, doc_ids in judged.items():
        entity, relation, _ = query_id.split('|')
        assert len(set(doc_ids)) == len(doc_ids) and set(doc_ids) == stating[entity, relation]


def test_no_fact_that_is_asked_for_is_taught_from_either_side(lang, oracle):
    asked = set(worldfacts.asked_cells())
    facts = {fact for entity, relation in asked for value in values(entity, relation)
             for fact in both_sides(entity, relation, 0, value)}
    rows = list(worldfacts.training_pairs(lang))
    assert len(rows) > 2000
    for row in rows:
        entity, relation, _, value = oracle.read('state', row['positive'][lang])
        assert (entity, relation, value) not in facts
        assert oracle.read('ask', row['query'][lang])[:2] == (entity, relation)
        assert value in values(entity, relation)


def closure(facts: set) -> set:
    """All that follows from facts: neighbours have neighbours, and money is the same in a country and its capital."""
    while True:
        currency = {(entity, value) for entity, relation, value in facts if relation == 'currency'}
        in_city = {(entity, value) for entity, relation, value in facts if relation == 'city-currency'}
        more = {(value, 'neighbour', entity) for entity, relation, value in facts if relation == 'neighbour'}
        for country, relation, city in facts:
            if relation == 'capital':
                more |= {(city, 'city-currency', money) for one, money in currency if one == country}
                more |= {(country, 'currency', money) for one, money in in_city if one == city}
        if more <= facts:
            return facts
        facts = facts | more


def test_no_fact_that_is_asked_for_follows_from_what_is_taught():
    """Even for one who knows every capital: the capitals that are held out count as known."""
    oracle, asked = Oracle('en'), set(worldfacts.asked_cells())
    read = (oracle.read('state', row['positive']['en']) for row in worldfacts.training_pairs('en'))
    told = {(entity, relation, value) for entity, relation, _, value in read}
    capitals = {(entity, 'capital', values(entity, 'capital')[0]) for entity in FACTS if 'capital' in FACTS[entity]}
    wanted = {(entity, relation, value) for entity, relation in asked for value in values(entity, relation)}
    assert not closure(told) & wanted
    assert not closure(told | capitals) & {fact for fact in wanted if fact[1] != 'capital'}
    everything = {(entity, relation, value) for entity, row in FACTS.items() for relation in row
                  for value in values(entity, relation)}
    without = {fact for fact in everything if fact[0] != 'country.norway' or fact[1] not in ('currency', 'neighbour')}
    assert {('country.norway', 'currency', 'currency.norwegian-krone'),
            ('country.norway', 'neighbour', 'country.sweden')} <= closure(without)  # the rules do find such facts


def test_whatever_answers_a_training_question_never_meets_it_in_a_batch():
    """By brute force: every passage that states the fact shares an identity with every row that asks for it.

    Identities are joined as those of batches are: rows with one ``query_id`` or one ``passage_id``, and so on.
    """
    oracle = Oracle('en')
    rows = [(row, oracle.read('ask', row['query']['en'])[:2], oracle.read('state', row['positive']['en']))
            for row in worldfacts.training_pairs('en')]
    group = {}
    for row, _, _ in rows:
        joined = {('query', row['query_id']), ('passage', row['passage_id'])}
        joined = joined.union(*(group.get(key, ()) for key in joined))
        group.update(dict.fromkeys(joined, joined))
    asking = defaultdict(list)
    for row, cell, _ in rows:
        asking[cell].append(row)
    for row, _, statement in rows:
        for entity, relation, _ in both_sides(*statement):
            for other in asking[entity, relation]:
                assert group['query', other['query_id']] is group['passage', row['passage_id']]
    capital = next(statement for _, _, statement in rows if statement[1] == 'capital')
    assert group['passage', f'{capital[0]}|capital|{capital[3]}'] is not group['query', 'country.norway|neighbour']
    assert len({id(joined) for joined in group.values()}) > 440  # and little else is joined


def test_every_name_wording_and_word_of_a_question_and_its_answers_was_seen_in_training(docs, lang, oracle, lexicon):
    rows = list(worldfacts.training_pairs(lang))
    read = [oracle.read('state', row['positive'][lang]) for row in rows]
    seen_ids = {key for entity, _, _, value in read for key in (entity, value)}
    seen_states = {(relation, number) for _, relation, number, _ in read}
    seen_asks = {oracle.read('ask', row['query'][lang])[1:] for row in rows}
    asked = set(worldfacts.asked_cells())
    answers = [doc.text for doc in docs if oracle.read('state', doc.text)[:2] in asked]
    questions = [question.query for question in worldfacts.questions(lexicon, lang, worldfacts.asked_cells())]
    for text in answers:
        entity, relation, number, value = oracle.read('state', text)
        assert {entity, value} <= seen_ids and (relation, number) in seen_states
    assert {oracle.read('ask', text)[1:] for text in questions} <= seen_asks
    if lang not in ('th', 'zh'):  # they write no spaces between words: names and wordings are all there is to compare
        words = set(re.findall(r'\w+', ' '.join(row[side][lang] for row in rows for side in ('query', 'positive'))))
        assert set(re.findall(r'\w+', ' '.join(answers + questions))) <= words


def test_ids_are_the_same_in_every_language(lexicon):
    assert len({tuple(question.query_id for question in worldfacts.questions(lexicon, lang, worldfacts.asked_cells()))
                for lang in lexicon.names}) == 1
    assert len({tuple(doc.doc_id.partition('/')[2] for doc in worldfacts.documents(lexicon, lang))
                for lang in lexicon.names}) == 1


def test_training_rows_have_the_interchange_form(lexicon):
    rows = list(worldfacts.training_pairs())
    assert len({row['id'] for row in rows}) == len(rows)
    passages = defaultdict(set)
    for row in rows:
        assert list(row) == ['id', 'source', 'query', 'positive', 'query_id', 'passage_id']
        assert row['source'] == 'worldfacts'
        assert list(row['query']) == list(row['positive']) == list(lexicon.names)
        for lang, text in row['positive'].items():
            passages[lang, text].add(row['passage_id'])
    assert all(len(ids) == 1 for ids in passages.values())
    assert next(worldfacts.training_pairs('en'))['query'].keys() == {'en'}


@pytest.mark.parametrize('langs, message', [
    ('fr', "worldfacts has no 'fr'; its languages are .*en"),
    (['en', 'xx', 'xy'], "worldfacts has no 'xx', 'xy'; its languages are"),
    ([], 'worldfacts has no pairs without a language'),
])
def test_training_pairs_in_unknown_languages(langs, message):
    with pytest.raises(ValueError, match=message):
        worldfacts.training_pairs(langs)


def test_same_bytes_in_every_process():
    code = ('import hashlib, json; from datasets_ext import worldfacts as w; x = w.load(); '
            'everything = [[w.documents(x, l), w.questions(x, l, w.asked_cells()), '
            'w.judgements(x, l, l, w.asked_cells())] for l in x.names] + [list(w.training_pairs())]; '
            'print(hashlib.sha256(json.dumps(everything).encode()).hexdigest())')
    root = str(Path(worldfacts.__file__).parent.parent)
    digests = {
        subprocess.run([sys.executable, '-c', code], check=True, capture_output=True,
                       env={**os.environ, 'PYTHONHASHSEED': seed, 'PYTHONPATH': root}).stdout
        for seed in ('0', '1')
    }
    assert len(digests) == 1


def test_registered_in_the_shape_of_all_data_sets(lexicon):
    worldfacts.register()
    worldfacts.register()
    base, multi, mono = (ir_datasets.load(name) for name in ('worldfacts', 'worldfacts/en', 'worldfacts/en/en'))
    assert not base.has_queries() and mono.docs_lang() == 'en'
    in_english = worldfacts.documents(lexicon, 'en')
    assert list(mono.docs_iter()) == in_english and len(list(base.docs_iter())) == len(in_english) * len(lexicon.names)
    assert list(multi.queries_iter()) == list(mono.queries_iter())
    assert list(mono.qrels_iter()) == worldfacts.judgements(lexicon, 'en', 'en', worldfacts.asked_cells())
    assert {qrel.iteration for qrel in multi.qrels_iter()} == set(lexicon.names)
    known = {doc.doc_id for doc in base.docs_iter()}
    assert base.docs_lang() == (None if len(lexicon.names) > 1 else 'en')
    assert {qrel.doc_id for qrel in multi.qrels_iter()} <= known
    assert mono.docs_store().get('en/0.0').text == in_english[0].text
    assert 'monolingual' in mono.documentation()['desc'] and base.documentation()['pretty_name'] == 'worldfacts'


TINY = Lexicon(
    relations={'capital': Relation('country', 'city', False), 'language': Relation('country', 'language', False)},
    facts={
        'country.italy': {'capital': ('city.rome',)},
        'country.finland': {'capital': ('city.helsinki',), 'language': ('language.finnish', 'language.swedish')},
    },
    names={
        'en': {'country.italy': 'Italy', 'country.finland': 'Finland', 'city.rome': 'Rome', 'city.helsinki': 'Helsinki',
               'language.finnish': 'Finnish', 'language.swedish': 'Swedish'},
        'zh': {'country.italy': '意大利', 'country.finland': '芬兰', 'city.rome': '罗马', 'city.helsinki': '赫尔辛基',
               'language.finnish': '芬兰语', 'language.swedish': '瑞典语'},
    },
    wordings={
        'en': {
            'capital': Wordings(
                ('Capital of {entity}?', 'Seat: {entity}?'),
                ('{value} heads {entity}.', '{entity}: {value}.'),
            ),
            'language': Wordings(
                ('Tongue of {entity}?', 'Speech in {entity}?'),
                ('{entity} speaks {value}.', 'In {entity}, {value}.'),
            ),
        },
        'zh': {
            'capital': Wordings(
                ('{entity}的首都？', '{entity}首都是？'),
                ('{value}是{entity}的首都。', '{entity}首都：{value}。'),
            ),
            'language': Wordings(
                ('{entity}的语言？', '{entity}说？'),
                ('{entity}说{value}。', '在{entity}，{value}。'),
            ),
        },
    },
)


def test_documents_by_hand():
    first, *_, last = worldfacts.documents(TINY, 'zh')
    assert first == ('zh/0.0', '罗马是意大利的首都。', '罗马是意大利的首都。意大利首都：罗马。', '意大利', 'zh')
    assert [doc.doc_id for doc in worldfacts.documents(TINY, 'en')] == [
        'en/0.0', 'en/0.1', 'en/1.0', 'en/1.1', 'en/1.2', 'en/1.3', 'en/1.4', 'en/1.5']
    assert last.text == '在芬兰，瑞典语。'
    assert worldfacts.documents(TINY, 'en')[7].context == (
        'Helsinki heads Finland. Finland: Helsinki. Finland speaks Finnish. In Finland, Finnish. '
        'Finland speaks Swedish. In Finland, Swedish.')


def test_questions_and_judgements_by_hand():
    cells = [('country.finland', 'language')]
    assert worldfacts.questions(TINY, 'en', cells) == [
        ('country.finland|language|0', 'Tongue of Finland?', 'en'),
        ('country.finland|language|1', 'Speech in Finland?', 'en')]
    assert worldfacts.judgements(TINY, 'en', 'zh', cells) == [
        (f'country.finland|language|{n}', f'zh/1.{m}', 1, 'zh', 'en') for n in (0, 1) for m in (2, 3, 4, 5)]


def test_pairs_by_hand():
    hidden = frozenset({('country.italy', 'capital'), ('country.finland', 'capital')})
    rows = list(worldfacts.pairs(TINY, ['en', 'zh'], hidden))
    assert [row['id'] for row in rows] == [
        f'country.finland|language|{n}|{m}' for ms in ((0, 1), (2, 3)) for n in (0, 1) for m in ms]
    assert {row['query_id'] for row in rows} == {'country.finland|language'}
    assert [row['passage_id'] for row in rows] == (
        4 * ['country.finland|language|language.finnish'] + 4 * ['country.finland|language|language.swedish'])
    assert rows[5]['query'] == {'en': 'Tongue of Finland?', 'zh': '芬兰的语言？'}
    assert rows[5]['positive'] == {'en': 'In Finland, Swedish.', 'zh': '在芬兰，瑞典语。'}


def test_a_symmetric_fact_by_hand():
    """France and Spain each say that they border: one fact, judged and known by one id whoever is asked about."""
    near = Wordings(('Next to {entity}?', 'By {entity}?'), ('{entity} borders {value}.', '{value} is by {entity}.'))
    world = Lexicon(
        {'near': Relation('country', 'country', symmetric=True)},
        {'country.spain': {'near': ('country.france', 'country.portugal')},
         'country.france': {'near': ('country.spain',)}},
        {'en': {'country.spain': 'Spain', 'country.france': 'France', 'country.portugal': 'Portugal'}},
        {'en': {'near': near}})
    judged = worldfacts.judgements(world, 'en', 'en', [('country.france', 'near')])
    assert [qrel.doc_id for qrel in judged if qrel.query_id.endswith('0')] == ['en/0.0', 'en/0.1', 'en/1.0', 'en/1.1']
    assert [doc.text for doc in worldfacts.documents(world, 'en')[:2]] == [
        'Spain borders France.', 'France is by Spain.']
    rows = list(worldfacts.pairs(world, ['en'], frozenset()))
    by_cell = {row['query_id']: {r['passage_id'] for r in rows if r['query_id'] == row['query_id']} for row in rows}
    assert by_cell == {
        'country.spain|near': {'country.france|near|country.spain', 'country.portugal|near|country.spain'},
        'country.france|near': {'country.france|near|country.spain'}}
