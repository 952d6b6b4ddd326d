"""The modules of a sentence-transformers model: what may be replaced, and what they can take."""
import copy
from collections import OrderedDict

from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Dense, Transformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling
from torch import nn


def adapt(model: SentenceTransformer, *, pooling: str | None = None, normalize: bool | None = None):
    """Returns a model that shares the given one's weights, with another pooling, or with or without normalisation.

    The rule: a checkpoint brings its own modules, and an argument replaces one of them only where the rest still makes
    sense. So another pooling is refused where a trained layer follows it, since that layer was trained on the vectors
    of the first, and where there are no token vectors to pool. ``normalize=True`` puts a normalisation at the end where
    there is none, ``normalize=False`` drops it. Raises ValueError for an unknown or refused pooling.
    """
    modules = OrderedDict(model.named_children())
    if pooling is not None:
        if pooling not in Pooling.POOLING_MODES:
            raise ValueError(f'unknown pooling {pooling!r}; give one of {", ".join(Pooling.POOLING_MODES)}')
        _replace_pooling(modules, pooling)
    if normalize is False:
        while isinstance(modules[next(reversed(modules))], Normalize):
            modules.popitem()
    elif normalize and not ends_normalized(model):
        modules[str(len(modules))] = Normalize()
    if list(modules.values()) == list(model.children()):
        return model
    adapted = copy.copy(model)  # shallow: the modules are shared, the list of them is not
    adapted._modules = modules
    return adapted


def _replace_pooling(modules: OrderedDict[str, nn.Module], pooling: str) -> None:
    names = list(modules)
    at = next((name for name in names if isinstance(modules[name], Pooling)), None)
    if at is None:
        raise ValueError(
            f'pooling={pooling!r} does not apply to this checkpoint: its {type(modules[names[0]]).__name__} gives one '
            'vector a text, with no token vectors to pool; leave pooling out'
        )
    own = modules[at]
    if own.pooling_mode == pooling:
        return
    for name in names[names.index(at) + 1 :]:
        if any(True for _ in modules[name].parameters()):
            raise ValueError(
                f'pooling={pooling!r} contradicts this checkpoint: its {type(modules[name]).__name__} layer was '
                f'trained on pooling={own.pooling_mode!r}; leave pooling out'
            )
    modules[at] = Pooling(own.embedding_dimension, pooling, include_prompt=own.include_prompt)


def has_dense(model: SentenceTransformer) -> bool:
    """Whether a dense layer is among the modules."""
    return any(isinstance(module, Dense) for module in model.children())


def ends_normalized(model: SentenceTransformer) -> bool:
    """Whether the last module scales vectors to length 1."""
    return isinstance(list(model.children())[-1], Normalize)


def position_limit(model: SentenceTransformer) -> int | None:
    """Returns the longest text, in tokens, that the model has positions for, or None where there is no such table.

    Models of the RoBERTa family number positions after the padding token's id, so that XLM-R's 514 positions take 512
    tokens, and a text of 514 would fail inside the model.
    """
    embeddings = getattr(model[0].model, 'embeddings', None) if isinstance(model[0], Transformer) else None
    table = getattr(embeddings, 'position_embeddings', None)
    if not isinstance(table, nn.Embedding):
        return None
    return table.num_embeddings - (0 if table.padding_idx is None else table.padding_idx + 1)
