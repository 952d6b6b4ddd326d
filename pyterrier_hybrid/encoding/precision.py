"""The numeric precision of a transformer's matrix products; vectors are always float32."""
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Transformer

from pyterrier_hybrid.encoding.processors import multiplies

DTYPES = {
    'float32': torch.float32, 'bfloat16': torch.bfloat16, 'float16': torch.float16, 'int8': torch.qint8,
}  # fmt: skip
#: This environment variable sets what 'auto' means in all processes of a job; see :func:`one_precision`.
VARIABLE = 'PYTERRIER_HYBRID_DTYPE'
#: If the cosine of a text's vector with its float32 vector is below this, 'auto' computes in float32.
LEAST_COSINE = 0.9995


def resolve_dtype(dtype: str, devices: Sequence[torch.device]) -> torch.dtype:
    """Returns the torch dtype meant by a name.

    Args:
        dtype: 'float32', 'bfloat16', 'float16', 'int8', or 'auto': bfloat16 where every device computes in it (a
            processor with AMX or AVX512-BF16, a CUDA device of compute capability 8 or more), else float32. The
            environment variable ``PYTERRIER_HYBRID_DTYPE`` can say what 'auto' means.
        devices: where the encoder runs.

    Warns:
        UserWarning: a precision was asked for that a device has no hardware for.

    Raises:
        ValueError: an unknown name, or 'int8' for a device that is no processor.
    """
    source = ''
    if dtype == 'auto' and is_told():
        dtype, source = os.environ[VARIABLE], f' in the environment variable {VARIABLE}'
    if dtype == 'auto':
        return torch.bfloat16 if all(is_fast(torch.bfloat16, device) for device in devices) else torch.float32
    if dtype not in DTYPES:
        raise ValueError(f'unknown dtype {dtype!r}{source}; give one of auto, {", ".join(DTYPES)}')
    for device in devices:
        if dtype == 'int8' and device.type != 'cpu':
            raise ValueError(f"dtype='int8' is for processors, and the device is {str(device)!r}; give dtype='auto'")
        if not is_fast(DTYPES[dtype], device):
            fast = 'auto or float32' if device.type == 'cpu' else 'auto, float16 or float32'
            warnings.warn(
                f'dtype={dtype!r}{source} is slow on the device {str(device)!r}, which has no hardware for it: expect '
                f'many times the time of float32. Give dtype={fast}', stacklevel=3,
            )  # fmt: skip
    return DTYPES[dtype]


def is_told() -> bool:
    """Whether the environment says what 'auto' means, as in the processes of a job."""
    return os.environ.get(VARIABLE, 'auto') != 'auto'


def is_fast(dtype: torch.dtype, device: torch.device) -> bool:
    """Whether a device has hardware for matrix products in a precision."""
    if device.type == 'cpu':
        return multiplies(dtype)
    if device.type == 'cuda' and dtype == torch.bfloat16:
        return torch.cuda.get_device_capability(device) >= (8, 0)
    return device.type == 'cuda' or dtype != torch.bfloat16


@contextmanager
def one_precision() -> Iterator[None]:
    """A block that fixes 'auto', also for the processes started in it, to the precision of this machine's processor."""
    before = os.environ.get(VARIABLE)
    dtype = resolve_dtype('auto', [torch.device('cpu')])
    os.environ[VARIABLE] = next(name for name, value in DTYPES.items() if value == dtype)
    try:
        yield
    finally:
        if before is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = before


def reducible(model: SentenceTransformer) -> bool:
    """Whether lower precision makes a model faster: a static embedding is one sum a text, without a matrix product."""
    return isinstance(model[0], Transformer)


def reduce_precision(model: SentenceTransformer, dtype: torch.dtype) -> torch.dtype:
    """Casts the parameters of a model's transformer in place, and lets every later module compute in float32.

    The layers after the transformer (pooling, dense, normalisation) cost little time, and would lose accuracy in half
    precision. Buffers keep their precision, because rotary position tables are wrong in half precision. A model that is
    not :func:`reducible` is left as it is. int8 quantises the weights of linear layers, with a scale for each row, and
    their inputs, with a scale for each batch; everything else stays in float32.

    Returns:
        The dtype the model computes in from now on.
    """
    if dtype == torch.float32 or not reducible(model):
        return torch.float32
    if dtype == torch.qint8:
        layers = {torch.nn.Linear: torch.ao.quantization.per_channel_dynamic_qconfig}
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # torch's deprecation warning
            model[0].model = torch.ao.quantization.quantize_dynamic(model[0].model, layers, inplace=True)
        return dtype
    for parameter in model[0].parameters():
        parameter.data = parameter.data.to(dtype)
    model[0].register_forward_hook(_outputs_in_float32)
    return dtype


def same_weights(reduced: SentenceTransformer, full: SentenceTransformer) -> bool:
    """Whether a model has the modules and weights of one in float32, apart from its own precision.

    Layers in int8 keep their weights in a form of their own, and are not compared.
    """
    own, other = reduced.state_dict(), full.state_dict()
    return [type(module) for module in reduced] == [type(module) for module in full] and all(
        torch.allclose(own[name].cpu(), other[name].to(own[name].dtype).cpu(), rtol=0, atol=0, equal_nan=True)
        for name in own.keys() & other.keys()
    )


def reduce_checked(
    model: SentenceTransformer, dtype: torch.dtype, exact: torch.Tensor, encode: Callable[[], torch.Tensor]
) -> torch.dtype:
    """Casts a model's transformer as :func:`reduce_precision` does, unless that moves vectors too far (:func:`stays`).

    ``exact`` are the float32 vectors, (n, d), of a sample of texts; ``encode`` returns the vectors of the same texts by
    the cast model. Meanwhile both copies of the weights are in memory. Returns the dtype the model computes in from now
    on: ``dtype``, or float32 with the weights that it had.
    """
    full = [parameter.data for parameter in model[0].parameters()]
    reduce_precision(model, dtype)
    if stays(exact, encode(), dtype):
        return dtype
    for parameter, data in zip(model[0].parameters(), full):
        parameter.data = data
    return torch.float32


def stays(exact: torch.Tensor, vectors: torch.Tensor, dtype: torch.dtype) -> bool:
    """Whether vectors are close enough to ``exact``, by their least cosine; if not, warns that float32 is used."""
    cosine = least_cosine(exact, vectors)
    if cosine >= LEAST_COSINE:
        return True
    warnings.warn(
        f'in {str(dtype).removeprefix("torch.")} this model gives other vectors than in float32 (cosine {cosine:.4f} '
        f'on a sample of the texts, at least {LEAST_COSINE} wanted), so it computes in float32. To have that at once, '
        "give dtype='float32'", stacklevel=6,
    )  # fmt: skip
    return False


def least_cosine(vectors: torch.Tensor, others: torch.Tensor) -> float:
    """The least cosine between two vectors of the same text, (n, d) each; NaN for one not finite, 1 if both are 0."""
    vectors, others = vectors.double(), others.double()
    same = (vectors == others).all(dim=1)
    cosines = torch.nn.functional.cosine_similarity(vectors, others, dim=1)
    return float(torch.where(same, 1.0, cosines).min())


def spread_sample(texts: Sequence[str], size: int) -> list[str]:
    """Returns some of the texts, or all if there are no more than ``size``, evenly spread over their lengths."""
    order = np.argsort([len(text) for text in texts], kind='stable')
    return [texts[i] for i in order[np.linspace(0, len(order) - 1, min(size, len(order))).astype(int)]]


def _outputs_in_float32(module, args, features: dict) -> dict:
    return {
        name: value.float() if isinstance(value, torch.Tensor) and value.is_floating_point() else value
        for name, value in features.items()
    }
