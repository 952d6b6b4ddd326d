"""The numeric precision of a transformer's matrix products; what comes out is always float32."""
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Transformer

DTYPES = {'float32': torch.float32, 'bfloat16': torch.bfloat16, 'float16': torch.float16}


def resolve_dtype(dtype: str, device: torch.device) -> torch.dtype:
    """Returns the torch dtype meant by a name.

    Args:
        dtype: 'float32', 'bfloat16', 'float16', or 'auto': bfloat16 on a CUDA device that computes in it (compute
            capability 8 and more), float32 everywhere else.
        device: where the encoder runs.

    Raises:
        ValueError: an unknown name.
    """
    if dtype == 'auto':
        fast = device.type == 'cuda' and torch.cuda.get_device_capability(device) >= (8, 0)
        return torch.bfloat16 if fast else torch.float32
    if dtype not in DTYPES:
        raise ValueError(f'unknown dtype {dtype!r}; give one of auto, {", ".join(DTYPES)}')
    return DTYPES[dtype]


def reduce_precision(model: SentenceTransformer, dtype: torch.dtype) -> torch.dtype:
    """Casts the parameters of a model's transformer in place, and lets every later module compute in float32.

    The layers after the transformer (pooling, dense, normalisation) cost nothing, and lose precision in half. Buffers
    keep their precision, because rotary position tables are wrong in half. A model that does not start with a
    transformer is left as it is: a static embedding is one sum a text, with no matrix product to speed up.

    Returns:
        The dtype the model computes in from now on.
    """
    if dtype == torch.float32 or not isinstance(model[0], Transformer):
        return torch.float32
    for parameter in model[0].parameters():
        parameter.data = parameter.data.to(dtype)
    model[0].register_forward_hook(_outputs_in_float32)
    return dtype


def _outputs_in_float32(module, args, features: dict) -> dict:
    return {
        name: value.float() if isinstance(value, torch.Tensor) and value.is_floating_point() else value
        for name, value in features.items()
    }
