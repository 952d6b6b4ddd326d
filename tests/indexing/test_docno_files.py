"""What is computed from docnos in bounded memory is what all of them at once give."""
import npids
import numpy as np
import pytest
from npids.codecs.inv_hash import fnv1_32

from pyterrier_hybrid.indexing.docno_files import write_npids, write_order
from pyterrier_hybrid.indexing.docnos import Docnos

NAMES = {
    'shuffled': [f'de/{i}' for i in np.random.default_rng(0).permutation(1_200)],
    'prefixes': ['a' * i for i in range(1, 300)],
    'unicode': [f'{x}{i}' for i in range(400) for x in 'é中𝕏a'],
    'long': [*(f'd{i}' for i in range(2_000)), 'x' * 4_000],
    'one': ['only'],
}


@pytest.mark.parametrize('run', [7, 100, 1_000, 10**6])
@pytest.mark.parametrize('names', NAMES.values(), ids=NAMES)
def test_the_order_is_by_docno(tmp_path, names, run):
    write_order(Docnos.of(names), tmp_path / 'order.u4', run)
    order = np.fromfile(tmp_path / 'order.u4', np.uint32)
    assert [names[i] for i in order] == sorted(names)
    assert [p.name for p in tmp_path.iterdir()] == ['order.u4']


@pytest.mark.parametrize('run', [7, 100, 10**6])
def test_a_docno_that_occurs_twice_is_found_wherever_it_is(tmp_path, run):
    for first, second in ((0, 999), (5, 6), (500, 700)):
        names = [f'd{i}' for i in range(1_000)]
        names[second] = names[first]
        message = f"the docno 'd{first}' occurs twice, as documents {first} and {second} of the index"
        with pytest.raises(ValueError, match=message):
            write_order(Docnos.of(names), tmp_path / 'order.u4', run)
        assert [p.name for p in tmp_path.iterdir()] == ['order.u4']


@pytest.mark.parametrize('run', [7, 100, 10**6])
@pytest.mark.parametrize('names', NAMES.values(), ids=NAMES)
def test_npids_reads_its_file(tmp_path, names, run):
    write_npids(Docnos.of(names), tmp_path / 'docnos.npids', run)
    lookup = npids.Lookup(tmp_path / 'docnos.npids')
    assert list(lookup) == names
    assert lookup.inv[np.array(names)].tolist() == list(range(len(names)))
    assert lookup.inv[np.array(['none such', 'nor this'])].tolist() == [-1, -1]
    assert [p.name for p in tmp_path.iterdir()] == ['docnos.npids']


def test_the_inverse_is_sorted_by_bucket_and_then_by_docid(tmp_path):
    """npids' own is sorted by bucket alone, as the processor's instructions have it."""
    names = NAMES['shuffled']
    for run in (300, 10**6):
        write_npids(Docnos.of(names), tmp_path / f'{run}.npids', run)
    content = (tmp_path / '300.npids').read_bytes()
    assert content == (tmp_path / '1000000.npids').read_bytes()
    buckets = fnv1_32(np.array(names, dtype=f'S{max(map(len, names))}')) & np.uint32(2047)
    expected = np.argsort(buckets, kind='stable').astype(np.uint32)
    ends = np.cumsum(np.bincount(buckets, minlength=2048), dtype=np.uint32)
    assert content.endswith(ends.tobytes() + expected.tobytes())
