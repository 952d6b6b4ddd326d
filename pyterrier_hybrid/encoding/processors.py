"""Which precisions a processor multiplies matrices in by hardware."""
import os
import platform
from functools import cache
from pathlib import Path

import torch

#: The instruction sets for matrix products in each precision, by Linux's names; any one of a set is enough.
HARDWARE = {
    torch.bfloat16: {'amx_bf16', 'avx512_bf16'},
    torch.float16: {'amx_fp16', 'avx512_fp16'},
}
#: Values of ONEDNN_MAX_CPU_ISA with which oneDNN, torch's library of matrix products, does not use the instructions.
WITHOUT_BFLOAT16 = ('SSE41', 'AVX', 'AVX2', 'AVX2_VNNI', 'AVX2_VNNI_2', 'AVX512_CORE', 'AVX512_CORE_VNNI')
SWITCHED_OFF = {torch.bfloat16: WITHOUT_BFLOAT16, torch.float16: (*WITHOUT_BFLOAT16, 'AVX512_CORE_BF16')}
#: The variable's current name and its older one; oneDNN reads the first that is set.
_LIMITS = ('ONEDNN_MAX_CPU_ISA', 'DNNL_MAX_CPU_ISA')


def multiplies(dtype: torch.dtype) -> bool:
    """Whether torch multiplies matrices of this precision in hardware on this processor.

    Without hardware, products in bfloat16 or float16 take many times as long as in float32. The environment variable
    ``ONEDNN_MAX_CPU_ISA`` can switch the instructions off, and ``torch.backends.mkldnn`` the library.
    """
    if dtype not in HARDWARE:
        return True
    limit = next((os.environ[name] for name in _LIMITS if os.environ.get(name)), '')
    if limit.strip().upper() in SWITCHED_OFF[dtype]:
        return False
    usable = torch.backends.mkldnn.is_available() and torch.backends.mkldnn.enabled
    return usable and bool(HARDWARE[dtype] & instructions())


@cache
def instructions() -> frozenset[str]:
    """The processor's instruction sets, by Linux's names. Without /proc/cpuinfo, AVX512-BF16 if torch finds it."""
    cpuinfo = Path('/proc/cpuinfo')
    if cpuinfo.is_file():
        lines = cpuinfo.read_text(errors='replace').splitlines()
        return frozenset(next((line.partition(':')[2].split() for line in lines if line.startswith('flags')), ()))
    known = platform.machine().lower() in ('x86_64', 'amd64') and hasattr(torch.cpu, '_is_avx512_bf16_supported')
    return frozenset({'avx512_bf16'} if known and torch.cpu._is_avx512_bf16_supported() else ())
