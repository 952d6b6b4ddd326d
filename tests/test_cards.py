"""The cards of published indexes: filled in, in Markdown and HTML, and as true as the index."""
import ast
import re

import numpy as np
import pytest
import yaml

from pyterrier_hybrid.indexing import MultilingualIndex
from pyterrier_hybrid.lexical import BM25Index

TABLE = '| system | AP Mo. | RankDistance |\n|---|---|---|\n| hybrid | .680 | 3,804 |'


class Encoder:
    model_name = 'digest'

    def __repr__(self):
        return "HybridEncoder('some/model', normalize=True)"


def passages():
    return [{'docno': f'd{i}', 'lang': 'de' if i < 5 else 'th', 'text': f'Wort {i}', 'doc_vec': np.ones(3)}
            for i in range(7)]  # fmt: skip


@pytest.fixture(params=['dense', 'bm25'])
def index(request, tmp_path):
    if request.param == 'bm25':
        return BM25Index(tmp_path / 'my.index', verbose=False).index(passages())
    index = MultilingualIndex(tmp_path / 'my.index', verbose=False)
    return index.indexer(encoder=Encoder(), precision='int8').index(passages())


def readme(index, branch='main'):
    return index._hf_readme(repo='me/my.index', branch=branch, metadata=index.meta())


def test_the_card_is_filled_in(index):
    page = readme(index)
    assert 'TODO' not in page and page.startswith('---\npretty_name: \'my.index\'\nlanguage:\n- "de"\n- "th"\ntags:')
    assert f'pyterrier-artifact.{index.ARTIFACT_TYPE}.{index.ARTIFACT_FORMAT}\n' in page
    assert '| de | 5 |\n| th | 2 |\n| all | 7 |' in page and f'`{index.fingerprint()}`' in page
    assert "index = pt.Artifact.from_hf('me/my.index')" in page and 'No result was recorded' in page
    assert "from_hf('me/my.index@v2')" in readme(index, 'v2')
    for block in re.findall('```python\n(.*?)```', page, re.DOTALL):
        ast.parse(block)
    if isinstance(index, MultilingualIndex):
        assert "HybridEncoder('some/model', normalize=True)" in page and '`digest`' in page and 'int8' in page
    else:
        assert 'k1=0.9, b=0.4' in page and index.meta()['analysis'] in page


def test_what_was_recorded_is_in_it(index):
    before = index.fingerprint()
    index.annotate(result=TABLE, command='pyterrier-hybrid index --out my.index')
    index.annotate(description='Facts of the world.')
    for page in (readme(index), readme(type(index)(index.path))):
        assert TABLE in page and '```bash\npyterrier-hybrid index --out my.index\n```' in page
        assert 'Facts of the world.' in page and 'No result' not in page
    record = index._zenodo_metadata(zenodo_id='17', metadata=index.meta())
    for part in ("pt.Artifact.from_zenodo(&#x27;17&#x27;)", '<td>de</td><td>5</td>', 'hybrid | .680', 'Facts of'):
        assert part in record['description']
    assert 'TODO' not in record['description'] and record['upload_type'] == 'other'
    assert index.fingerprint() == before
    index.verify()


def test_norwegian_is_a_language_in_yaml(index):
    index = type(index)(index.path.parent / 'no.index', verbose=False).indexer(mode='create')
    index = index.index([{**passage, 'lang': 'no'} for passage in passages()])
    head = yaml.safe_load(readme(index).split('---')[1])
    assert head['language'] == ['no']


@pytest.mark.parametrize(('given', 'message'), [
    ({'command': ['pyterrier-hybrid', 'index']}, 'command is a list; give a text'),
    ({'description': 5}, 'description is a int; give a text'),
    ({'result': {'AP': 0.5}}, 'result is a dict; give a text, or an outcome of MultilingualExperiment'),
])  # fmt: skip
def test_what_is_no_text_is_refused_before_it_is_kept(index, given, message):
    with pytest.raises(TypeError, match=message):
        index.annotate(**given)
    assert 'No result was recorded' in readme(index)


def test_a_result_gives_its_own_table(index):
    class Result:
        def to_markdown(self):
            return TABLE

    index.annotate(result=Result())
    assert TABLE in readme(index)


def test_the_encoder_is_kept_by_an_append_and_by_a_resume(tmp_path):
    index = MultilingualIndex(tmp_path / 'x', verbose=False)
    with pytest.raises(ValueError, match='twice'):
        index.indexer(encoder='some/model').index([*passages()[:3], passages()[0]])
    index.indexer(mode='resume').index(passages()[:4])
    index.indexer(mode='append').index(passages()[4:])
    assert index.meta()['encoder'] == {'name': 'some/model'}
    assert 'not recorded' in readme(index.indexer(mode='overwrite').index(passages()))


def test_there_is_nothing_to_record_of_no_index(tmp_path):
    with pytest.raises(FileNotFoundError, match='there is no index'):
        MultilingualIndex(tmp_path / 'x').annotate(command='x')
