"""What makes two encoders the same: a digest of everything that changes a vector."""
import hashlib
import json
from collections.abc import Iterator, Mapping

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Transformer


def digest(
    model: SentenceTransformer, settings: Mapping[str, object], *, weights: bool = True,
    dtype: torch.dtype | None = None,
) -> str:  # fmt: skip
    """Returns the SHA-256, as 32 hexadecimal digits, of a model's weights, architecture, tokenizer, and settings.

    ``settings`` are JSON values: the parameters beside the model that change a vector. Without ``weights``, only the
    names, dtypes and shapes of the weights count. ``dtype`` is the precision to which the transformer's parameters will
    be cast; the digest is of the cast values.
    """
    cast = _cast_parameters(model) if dtype is not None else set()
    sha = hashlib.sha256()
    sha.update(json.dumps([_architecture(model), settings], sort_keys=True, default=str).encode())
    sha.update(_tokenizer(model.tokenizer).encode())
    for name, tensor in _tensors(model):
        if name in cast:
            tensor = tensor.to(dtype)
        sha.update(f'{name} {tensor.dtype} {tuple(tensor.shape)}'.encode())
        if weights:
            sha.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return sha.hexdigest()[:32]


def _tensors(model: SentenceTransformer) -> Iterator[tuple[str, torch.Tensor]]:
    """Yields the model's weights and buffers by name; for an int8 layer, its integers and their scales."""
    for name, value in model.state_dict().items():
        for tensor in value if isinstance(value, tuple) else (value,):
            if isinstance(tensor, torch.Tensor) and tensor.is_quantized:
                yield name, tensor.int_repr()
                yield name, tensor.q_per_channel_scales()
            elif isinstance(tensor, torch.Tensor):
                yield name, tensor


def _cast_parameters(model: SentenceTransformer) -> set[str]:
    """The names of the parameters that have the transformer's precision."""
    if not isinstance(model[0], Transformer):
        return set()
    first = next(iter(dict(model.named_children())))
    return {f'{first}.{name}' for name, _ in model[0].named_parameters(remove_duplicate=False)}


def weights_version(model: SentenceTransformer) -> tuple:
    """Returns a cheap value that changes whenever a weight is changed in place or replaced, as training does.

    A write to a weight's ``.data`` does not change it, since torch does not count such writes: write to the weight
    itself, within ``torch.no_grad()``.
    """
    return tuple((t.data_ptr(), t._version) for t in (*model.parameters(), *model.buffers()))


def _architecture(model: SentenceTransformer) -> list:
    modules = []
    for module in model.children():
        config = module.get_config_dict() if hasattr(module, 'get_config_dict') else {}
        if isinstance(module, Transformer):
            inner = module.config.to_dict()
            config = config | {'model': {k: v for k, v in inner.items() if k not in ('_name_or_path', 'dtype')}}
        modules.append([f'{type(module).__module__}.{type(module).__qualname__}', config])
    return modules


def _tokenizer(tokenizer) -> str:
    """The tokenizer as text, without the truncation and padding of the last call, which a fast tokenizer keeps."""
    fast = getattr(tokenizer, 'backend_tokenizer', tokenizer)
    if not hasattr(fast, 'to_str'):
        words = tokenizer.get_vocab()  # a mapping, but a list for word vectors
        return json.dumps(sorted(words.items()) if isinstance(words, Mapping) else list(words))
    return json.dumps(json.loads(fast.to_str()) | {'truncation': None, 'padding': None}, sort_keys=True)
