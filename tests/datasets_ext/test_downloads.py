"""Downloads that fail, each with the sentence that helps. No network is used."""
import hashlib
import io
from contextlib import contextmanager

import pytest
import requests
from ir_datasets.util import download

from datasets_ext import downloads

GOOD = b'{"data": []}'
MD5 = hashlib.md5(GOOD).hexdigest()
URL = 'https://example.org/de.json'


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty ir_datasets home, and a table of one file."""
    monkeypatch.setenv('IR_DATASETS_HOME', str(tmp_path))
    monkeypatch.setattr(downloads, 'table', lambda: {
        'things': {'de': {'url': URL, 'expected_md5': MD5, 'cache_path': 'de.json'}}})
    return tmp_path


def serve(monkeypatch, content: bytes | None) -> None:
    """Answers every request with these bytes, or with no network."""
    @contextmanager
    def stream(self):
        if content is None:
            raise requests.ConnectionError('no route to host')
        yield io.BytesIO(content)

    monkeypatch.setattr(download.RequestsDownload, 'stream', stream)


def test_fetched_once(home, monkeypatch):
    serve(monkeypatch, GOOD)
    assert downloads.read('things', 'de') == (GOOD, home / 'things' / 'de.json')
    serve(monkeypatch, None)
    assert downloads.read('things', 'de')[0] == GOOD


def test_a_copy_under_its_md5_needs_no_network(home, monkeypatch):
    serve(monkeypatch, None)
    (home / 'downloads').mkdir()
    (home / 'downloads' / MD5).write_bytes(GOOD)
    assert downloads.read('things', 'de')[0] == GOOD


def test_no_network_and_no_cache(home, monkeypatch):
    serve(monkeypatch, None)
    with pytest.raises(FileNotFoundError) as caught:
        downloads.read('things', 'de')
    message = str(caught.value)
    assert 'things needs https://example.org/de.json' in message and 'no route to host' in message
    assert f'put it at {home / "downloads" / MD5}' in message and 'another MD5' not in message


def test_no_network_and_a_damaged_copy(home, monkeypatch):
    serve(monkeypatch, None)
    (home / 'downloads').mkdir()
    (home / 'downloads' / MD5).write_bytes(GOOD[:5])
    with pytest.raises(FileNotFoundError, match=f'has another MD5, {hashlib.md5(GOOD[:5]).hexdigest()}'):
        downloads.read('things', 'de')


@pytest.mark.parametrize('sent', [GOOD[:5], b'', b'<html>404</html>'])
def test_what_was_sent_is_another_file(home, monkeypatch, sent):
    serve(monkeypatch, sent)
    with pytest.raises(ValueError, match=f'what {URL} sent is not the expected file .*{MD5}.*cut short'):
        downloads.read('things', 'de')
    assert not (home / 'things' / 'de.json').exists()


@pytest.mark.parametrize('content', [GOOD[:5], b'{"data": [1]}'])
def test_the_cached_file_was_cut_or_swapped(home, monkeypatch, content):
    serve(monkeypatch, GOOD)
    (home / 'things').mkdir()
    (home / 'things' / 'de.json').write_bytes(content)
    with pytest.raises(ValueError, match=rf'de.json has the MD5 {hashlib.md5(content).hexdigest()}, not {MD5}.*Delete'):
        downloads.read('things', 'de')


def test_terms_are_shown_when_fetching(home, monkeypatch):
    serve(monkeypatch, GOOD)
    shown = []
    monkeypatch.setattr(download._logger, 'info', shown.append)
    monkeypatch.setitem(downloads.TERMS, 'things', 'not for commercial purposes')
    downloads.read('things', 'de')
    assert 'not for commercial purposes' in shown
    assert 'CC BY-NC 4.0' in downloads.TERMS['mlqa-r']
