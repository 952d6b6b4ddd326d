"""A ``passage_id`` that several sources give to different passages: most often each has numbered its own from 1."""
import warnings

from pyterrier_hybrid.pairs.rows import Row

#: Ids that are watched, the first ones of an import: some 10 MB of memory. Sources that number their passages alike
#: meet in these.
WATCHED = 10_000


class GivenIds:
    """Warns where two sources give one ``passage_id`` to passages that have different texts in one language.

    Such rows are kept apart in batches all the same, as one passage: the id is what the data says, and two sources may
    well hold one passage in two forms. Sources that hold it in different languages are what an id is for, and rows of
    one source may be parts of a longer text: neither is warned of. Two sources are warned of once.
    """

    def __init__(self):
        self._first: dict[str, tuple[str, str, dict[str, int]]] = {}
        self._told: set[frozenset[str]] = set()

    def add(self, row: Row, place: str) -> None:
        """Looks at a row.

        Args:
            row: the row.
            place: where it is in the input.
        """
        if row.passage_id is None:
            return
        texts = {lang: hash(text) for lang, text in row.positive.items()}
        if len(self._first) < WATCHED:
            self._first.setdefault(row.passage_id, (row.source, place, texts))
        source, where, known = self._first.get(row.passage_id, (row.source, place, texts))
        common = sorted(texts.keys() & known.keys())
        differ = common and all(texts[lang] != known[lang] for lang in common)
        pair = frozenset((source, row.source))
        if source != row.source and differ and pair not in self._told:
            self._told.add(pair)
            warnings.warn(
                f'the passage_id {row.passage_id!r} is given to different texts in {common[0]!r} by the source '
                f'{source!r} ({where}) and by {row.source!r} ({place}); rows with one passage_id are taken for one '
                'passage whatever their source, so they never meet in a batch and are held out together. If these are '
                f'two passages, put the source into the id, as in {f"{source}/{row.passage_id}"!r}', stacklevel=6,
            )  # fmt: skip
