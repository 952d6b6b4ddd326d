"""What a processor says it can do."""
import pytest
import torch

from pyterrier_hybrid.encoding import processors


@pytest.fixture
def has(monkeypatch):
    """Makes the processor one with these instruction sets."""
    for name in ('ONEDNN_MAX_CPU_ISA', 'DNNL_MAX_CPU_ISA'):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(torch.backends.mkldnn, 'is_available', lambda: True)
    return lambda *flags: monkeypatch.setattr(processors, 'instructions', lambda: frozenset(flags))


@pytest.mark.parametrize(('flags', 'bfloat16', 'float16'), [
    (['avx2', 'avx512f', 'avx512_vnni'], False, False),
    (['avx512_bf16'], True, False),                       # Cooper Lake, Zen 4
    (['amx_tile', 'amx_bf16', 'avx512_fp16'], True, True),  # Sapphire Rapids
    (['amx_tile'], False, False),
    ([], False, False),
])  # fmt: skip
def test_by_instruction_sets(has, flags, bfloat16, float16):
    has(*flags)
    assert [processors.multiplies(d) for d in (torch.float32, torch.bfloat16, torch.float16)] == [
        True, bfloat16, float16,
    ]  # fmt: skip


@pytest.mark.parametrize(('limit', 'bfloat16', 'float16'), [
    ('AVX2', False, False), ('avx512_core', False, False), ('AVX512_CORE_VNNI', False, False), ('SSE41', False, False),
    ('AVX512_CORE_BF16', True, False), ('AVX512_CORE_AMX', True, True), ('DEFAULT', True, True), ('', True, True),
    ('no such set', True, True),  # oneDNN ignores it
])  # fmt: skip
@pytest.mark.parametrize('name', ['ONEDNN_MAX_CPU_ISA', 'DNNL_MAX_CPU_ISA'])
def test_onednn_can_be_told_to_leave_them_unused(has, monkeypatch, name, limit, bfloat16, float16):
    has('avx512_bf16', 'amx_bf16', 'amx_fp16')
    monkeypatch.setenv(name, limit)
    assert [processors.multiplies(d) for d in (torch.bfloat16, torch.float16)] == [bfloat16, float16]


def test_torch_can_be_told_to_leave_onednn_unused(has):
    has('avx512_bf16')
    with torch.backends.mkldnn.flags(enabled=False):
        assert not processors.multiplies(torch.bfloat16)
    assert processors.multiplies(torch.bfloat16)


def test_cpuinfo_is_read(monkeypatch, tmp_path):
    (tmp_path / 'cpuinfo').write_text('processor\t: 0\nflags\t\t: fpu avx512_bf16\n\nprocessor\t: 1\nflags\t: fpu\n')
    monkeypatch.setattr(processors, 'Path', lambda path: tmp_path / 'cpuinfo')
    processors.instructions.cache_clear()
    try:
        assert processors.instructions() == {'fpu', 'avx512_bf16'}
    finally:
        processors.instructions.cache_clear()
