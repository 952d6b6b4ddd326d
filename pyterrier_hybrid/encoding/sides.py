"""How the texts of a side, queries or passages, are read: their prefix and their greatest length."""
from dataclasses import dataclass
from numbers import Integral

from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Transformer
from sentence_transformers.sentence_transformer.modules import StaticEmbedding

from pyterrier_hybrid.encoding.modules import position_limit


@dataclass(frozen=True)
class Side:
    """The reading of one side's texts.

    Attributes:
        task: sentence-transformers' name of the side, 'query' or 'document', for models that tell them apart.
        prefix: put before every text.
        max_length: tokens after which a text is cut, prefix and special tokens included; None for no limit.
    """

    task: str
    prefix: str
    max_length: int | None


def query_side(model: SentenceTransformer, prefix: str | None, max_length: int | None) -> Side:
    """Returns the reading of queries: what is given, else the model's prompt 'query' and greatest length.

    Raises ValueError for a length below 1, or one beyond the model's positions.
    """
    return Side('query', _prefix(prefix, model, 'query'), _length(max_length, model, 'query'))


def passage_side(model: SentenceTransformer, prefix: str | None, max_length: int | None) -> Side:
    """Returns the reading of passages, as :func:`query_side`; the prompt is 'document', 'passage' or 'corpus'.

    The first of these that is not empty is taken. sentence-transformers' own ``encode_document`` stops at the empty
    prompt 'document' that it gives to every model, and so never reads a saved 'passage'.
    """
    prompts = ('document', 'passage', 'corpus')
    return Side('document', _prefix(prefix, model, *prompts), _length(max_length, model, 'passage'))


def _prefix(given: str | None, model: SentenceTransformer, *prompts: str) -> str:
    if given is not None:
        return given
    return next((model.prompts[name] for name in prompts if model.prompts.get(name)), '')


def _length(given: int | None, model: SentenceTransformer, side: str) -> int | None:
    limit = position_limit(model)
    if given is not None:
        given = check_positive(f'max_{side}_length', given)
        if limit is not None and given > limit:
            raise ValueError(f'max_{side}_length={given}, but the model has positions for {limit} tokens only')
        return given
    lengths = [n for n in (limit, _own_length(model, side)) if n is not None and n < 1e9]  # 1e30 means no limit
    return min(lengths, default=None)


def _own_length(model: SentenceTransformer, side: str) -> int | None:
    first = model[0]
    if isinstance(first, Transformer):
        return (first.query_length if side == 'query' else first.document_length) or first.max_seq_length
    if isinstance(first, StaticEmbedding) and first.tokenizer.truncation:
        return first.tokenizer.truncation['max_length']
    return None


def check_positive(name: str, value: int) -> int:
    """Returns a whole number of at least 1 as an int; raises ValueError, with the parameter's name, for another."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
        raise ValueError(f'{name} must be a whole number of at least 1, not {value!r}')
    return int(value)
