"""The card of a published index: what it is, how to open and to make it, and how good it is."""
import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

#: The file in which an index keeps the notes for its card.
CARD = 'card.json'


@dataclass(frozen=True)
class Card:
    """The content of an index's card, for any site that shows it.

    Attributes:
        what: what the index is, in a sentence or two.
        languages: documents of each language.
        facts: names and values, such as the encoder's.
        use: lines of Python that use ``index``.
        made: how it was made, as lines of Python or of a shell.
        shell: whether ``made`` is for a shell.
        result: how good it is, in Markdown; None if that is not known.
    """

    what: str
    languages: Mapping[str, int]
    facts: Mapping[str, str]
    use: Sequence[str]
    made: Sequence[str]
    shell: bool = False
    result: str | None = None

    def markdown(self, opened: str) -> str:
        """The card below its title.

        Args:
            opened: the Python expression that opens the index.
        """
        made = _fenced(self.made, 'bash' if self.shell else 'python')
        sections = {
            'Description': [self.what, '', *_table('language', 'documents', self._languages()), '',
                            *_table('', '', self.facts)],
            'Usage': _fenced(self._use(opened), 'python'),
            'Results': [self.result or _NO_RESULT],
            'Reproduction': made,
        }  # fmt: skip
        return '\n'.join(line for title, lines in sections.items() for line in (f'## {title}', '', *lines, ''))

    def html(self, opened: str) -> str:
        """As :meth:`markdown`, in HTML."""
        rows = [('language', 'documents'), *self._languages().items(), *self.facts.items()]
        table = ''.join(f'<tr><td>{html.escape(a)}</td><td>{html.escape(b)}</td></tr>' for a, b in rows)
        result = f'<pre>\n{html.escape(self.result)}\n</pre>' if self.result else f'<p>{_NO_RESULT}</p>'
        return (
            f'<h2>Description</h2>\n<p>{html.escape(self.what)}</p>\n<table>{table}</table>\n<h2>Usage</h2>\n'
            f'{_preformatted(self._use(opened))}\n<h2>Results</h2>\n{result}\n<h2>Reproduction</h2>\n'
            f'{_preformatted(self.made)}\n'
        )

    def _languages(self) -> dict[str, str]:
        counts = {lang: f'{count:,}' for lang, count in self.languages.items()}
        return {**counts, 'all': f'{sum(self.languages.values()):,}'}

    def _use(self, opened: str) -> list[str]:
        opening = '# pip install pyterrier-hybrid', 'import pyterrier as pt', '', f'index = {opened}'
        return [*opening, *self.use]


def describe_encoder(encoder: object) -> dict | None:
    """Returns what is recorded of the encoder of an index's vectors; None for None.

    Args:
        encoder: an encoder, its stage of a pipeline, its name, or None.

    Returns:
        ``name``, which for an encoder is its repr, with its settings, and ``model``, which tells it from others.
    """
    if encoder is None or isinstance(encoder, str):
        return encoder and {'name': encoder}
    encoder = getattr(encoder, 'bi_encoder_model', encoder)
    found = {'name': repr(encoder), 'model': getattr(encoder, 'model_name', None)}
    return {name: value for name, value in found.items() if value is not None}


_NO_RESULT = 'No result was recorded with this index.'


def _table(left: str, right: str, rows: Mapping[str, str]) -> list[str]:
    cells = [(str(a).replace('|', '\\|'), str(b).replace('|', '\\|').replace('\n', ' ')) for a, b in rows.items()]
    return [f'| {left} | {right} |', '|---|---|', *(f'| {a} | {b} |' for a, b in cells)]


def _fenced(lines: Sequence[str], language: str) -> list[str]:
    return [f'```{language}', *lines, '```']


def _preformatted(lines: Sequence[str]) -> str:
    return f'<pre>\n{html.escape(chr(10).join(lines))}\n</pre>'
