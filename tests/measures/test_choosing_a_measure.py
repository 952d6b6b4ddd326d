"""The worked example of docs/choosing-a-measure.md, recomputed from the rankings that the page shows."""
import re
import textwrap
from pathlib import Path
from xml.etree import ElementTree

import ir_measures
import pytest
from ir_measures import AP

from pyterrier_hybrid.measures import (
    AWRF,
    LPR,
    PEER,
    TLR,
    Languages,
    RankDistance,
    diagonal_advantage,
    language_matrix,
    mrc,
)
from pyterrier_hybrid.measures.facts import facts, is_from_ranks

DOCS = Path(__file__).resolve().parents[2] / 'docs'
LANGS = Languages({f'{lang[0]}{i}': lang for lang in ('de', 'en', 'fr') for i in '12xy'})
QRELS = [ir_measures.Qrel('q', docno, 1, LANGS[docno]) for docno in ('d1', 'd2', 'e1', 'e2', 'f1', 'f2')]
MEASURES = [AP, RankDistance@12, LPR(query_lang='de'), TLR(query_lang='de')@6, PEER@12, AWRF(langs=LANGS)@6]


def page():
    """The rankings and the table of the page, by system."""
    text = (DOCS / 'choosing-a-measure.md').read_text()
    lists = re.findall(r'^    (\w[\w, ]*?) +((?:[def][12xy] ?)+)$', text, re.M)
    rankings = {name: docnos.split() for name, docnos in lists}
    rows = [[cell.strip() for cell in line.strip('|').split('|')] for line in text.splitlines() if line.startswith('|')]
    header = next(row for row in rows if row[0] == 'system')
    return rankings, header[1:], {row[0]: row[1:] for row in rows if row[0] in rankings}


def computed(docnos, swapped):
    run = {'q': {docno: -float(i) for i, docno in enumerate(docnos)}}
    translation = str.maketrans('de', 'ed') if swapped else {}
    english = {'q': {docno.translate(translation): score for docno, score in run['q'].items()}}
    found = ir_measures.calc_aggregate(MEASURES, QRELS, run)
    advantage = diagonal_advantage(language_matrix(QRELS, run, cutoff=12, query_lang='de'))
    return [*(found[measure] for measure in MEASURES), mrc({'de': run, 'en': english}, 6), advantage['de']]


@pytest.mark.usefixtures('quiet')
def test_the_table_says_what_the_rankings_give():
    rankings, header, table = page()
    assert header == ['AP', 'RankDistance@12', 'LPR', 'TLR@6', 'PEER@12', 'AWRF@6', 'MRC@6', 'advantage']
    assert len(rankings) == len(table) == 4
    for system, cells in table.items():
        assert cells == [f'{value:.3f}' for value in computed(rankings[system], 'own' in system)], system


def test_the_picture_shows_the_same_rankings_and_values():
    rankings, _, table = page()
    svg = {'': 'http://www.w3.org/2000/svg'}
    groups = ElementTree.parse(DOCS / 'choosing-a-measure.svg').iterfind('g', svg)
    rows = [group for group in groups if group.find('use', svg) is not None]
    assert len(rows) == len(rankings)
    for row, (system, docnos) in zip(rows, rankings.items()):
        texts = row.findall('text', svg)
        assert ' '.join(text.text for text in texts if 'name' in text.get('class')) == system
        uses = sorted(row.findall('use', svg), key=lambda use: float(use.get('x')))
        assert [use.get('href').strip('#') for use in uses] == docnos
        values = [float(text.text) for text in texts if 'value' in text.get('class')]
        assert values == [float(cell) for cell in table[system][:6]]


@pytest.mark.parametrize('measure', ['AP', 'nDCG@1', 'P@1', 'R@1', 'Success@1', 'RR', 'Rprec', 'RR@1', 'MaxRank@2',
                                     'alpha_nDCG@1'])
def test_the_page_says_which_way_an_evaluator_breaks_ties(measure):
    text = (DOCS / 'choosing-a-measure.md').read_text()
    rows = [[cell.strip() for cell in line.strip('|').split('|')] for line in text.splitlines() if 'docno' in line]
    name = re.sub(r'@\d+$', '', measure)
    wanted = 'RR@k' if measure == 'RR@1' else 'those of this package' if name == 'MaxRank' else name
    ascending, = ['ascending' in row[2] for row in rows if len(row) == 3 and wanted in row[0].split(', ')]
    # the two relevant documents come first by docno ascending, and last by docno descending
    qrels = list(ir_measures.read_trec_qrels('q de a 1\nq en b 1\nq de m 0\n'))
    run = [ir_measures.ScoredDoc('q', docno, 1.) for docno in 'bma']
    by_rank = [ir_measures.ScoredDoc('q', docno, -float(i))
               for i, docno in enumerate(sorted('abm', reverse=not ascending))]
    parsed = ir_measures.parse_measure(measure)
    assert parsed.calc_aggregate(qrels, run) == parsed.calc_aggregate(qrels, by_rank)
    reverse = [ir_measures.ScoredDoc('q', doc.doc_id, -doc.score) for doc in by_rank]
    assert parsed.calc_aggregate(qrels, run) != parsed.calc_aggregate(qrels, reverse)


@pytest.mark.usefixtures('quiet')
def test_the_measure_of_the_page_works():
    text = (DOCS / 'choosing-a-measure.md').read_text()
    code = text[text.index('    from pyterrier_hybrid.measures.base'):text.index('## Sources')]
    try:
        exec(textwrap.dedent(code), {'__name__': 'page'})
        measure = ir_measures.parse_measure('BestRank@5')
        assert measure.calc_aggregate(QRELS, {'q': {'x': 3., 'e1': 2.}}) == 2
        assert measure.calc_aggregate(QRELS, {}) == 6
        assert facts(measure).unit == 'ranks' and is_from_ranks(measure)
    finally:
        ir_measures.measures.registry.pop('BestRank', None)
