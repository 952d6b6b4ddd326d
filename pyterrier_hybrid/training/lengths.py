"""After how many tokens a model cuts queries and passages, in training and when it encodes."""
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from numbers import Integral

from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Transformer

from pyterrier_hybrid.encoding.modules import position_limit


def given_lengths(given: int | Sequence[int], name: str) -> tuple[int, int]:
    """Returns the greatest lengths of queries and of passages, in tokens, given as one number for both or as a pair.

    Raises:
        ValueError: it is neither.
    """
    lengths = [given] * 2 if isinstance(given, Integral) else given
    if not isinstance(lengths, list | tuple) or len(lengths) != 2 or not all(
        isinstance(length, Integral) and not isinstance(length, bool) and length > 0 for length in lengths
    ):
        raise ValueError(f'{name} is {given!r:.80}; give a number of tokens, or two, of queries and of passages')
    return int(lengths[0]), int(lengths[1])


def check_lengths(model: SentenceTransformer, query: int, passage: int, name: str = 'max_length') -> None:
    """Checks numbers of tokens after which a model is to cut queries and passages.

    Raises:
        ValueError: more tokens than the model has positions; two numbers for a model that takes one. Has the argument's
            name.
    """
    limit = position_limit(model)
    if limit is not None and max(query, passage) > limit:
        raise ValueError(f'{name} is {(query, passage)}, but the model has positions for {limit} tokens only')
    if query != passage and not isinstance(model[0], Transformer):
        raise ValueError(f'{name} is {(query, passage)}; this model takes one length for queries and passages')


def set_max_length(model: SentenceTransformer, query: int, passage: int) -> None:
    """Sets the numbers of tokens after which a model cuts queries and passages; raises as :func:`check_lengths`."""
    check_lengths(model, query, passage)
    model.max_seq_length = max(query, passage)
    if isinstance(model[0], Transformer):
        model[0].query_length, model[0].document_length = (None, None) if query == passage else (query, passage)


@contextmanager
def cut_for_encoding(model: SentenceTransformer, arguments) -> Iterator[None]:
    """A block in which a model cuts texts at the ``encode_length`` of a :class:`TrainingArguments`, if it has one."""
    if arguments.encode_length is None:
        yield
        return
    first = model[0] if isinstance(model[0], Transformer) else None
    before = model.max_seq_length, first and first.query_length, first and first.document_length
    set_max_length(model, *given_lengths(arguments.encode_length, 'encode_length'))
    try:
        yield
    finally:
        model.max_seq_length = before[0]
        if first is not None:
            first.query_length, first.document_length = before[1:]
