"""What a build does about an index that is there already, and about a build that was interrupted."""
import errno
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from pyterrier_hybrid.files import Exists
from pyterrier_hybrid.indexing.build import Build
from pyterrier_hybrid.indexing.rows import LANGS, Collection
from pyterrier_hybrid.indexing.storage import VECTORS
from pyterrier_hybrid.indexing.vectors import precision_of
from pyterrier_hybrid.publishing import is_empty
from pyterrier_hybrid.stored import META

if TYPE_CHECKING:
    from pyterrier_hybrid.indexing.index import MultilingualIndex


class IndexingMode(Enum):
    """What to do about an index that is there already, and about a build that was interrupted."""

    create = 'create'
    """A new index, from the first document on; an error if there is a finished one."""
    overwrite = 'overwrite'
    """A new index, which takes the place of the finished one at the end."""
    resume = 'resume'
    """Continues an interrupted build, in its mode, with the same documents. Does nothing if the index is finished, and
    the same as ``create`` if there is neither."""
    append = 'append'
    """The finished index with new documents after its own; it, too, is replaced at the end."""


def is_finished(index: 'MultilingualIndex', build: Build) -> bool:
    """Whether the index is there, and any build beside it has written it and not yet been removed."""
    plan = build.plan()
    built, fingerprint = _look(index, IndexingMode.resume, plan)
    return built and (plan is None or (fingerprint is not None and plan.get('result') == fingerprint))


def _look(index: 'MultilingualIndex', mode: IndexingMode, plan: Mapping | None) -> tuple[bool, str | None]:
    """Whether the finished index is at the path, and its fingerprint, None of metadata that cannot be read.

    Raises ValueError for such metadata, unless the index is to be replaced: by ``overwrite``, or by the plan of the
    build that is resumed.
    """
    try:
        return index.built(), index.fingerprint()
    except (ValueError, FileNotFoundError):
        replaced = mode is IndexingMode.overwrite or (plan and plan['overwrite'] and not plan['append'])
        if not replaced or not any((index.path / name).is_file() for name in (LANGS, VECTORS)):
            raise
        return True, None


def find_base(index: 'MultilingualIndex', mode: IndexingMode, build: Build) -> Collection | None:
    """The finished index at the path, or None; an error if the mode is not for what is there."""
    path = index.path
    plan = build.plan() if mode is IndexingMode.resume else None
    built, _ = _look(index, mode, plan)
    if mode is IndexingMode.append and not built:
        raise ValueError(f"there is no finished index at {path} to append to; use indexer(mode='create')")
    if mode is IndexingMode.create and built:
        raise Exists(errno.EEXIST, f"there is an index at {path} already; indexer(mode='overwrite') replaces it, "
                                   "indexer(mode='append') adds to it")  # fmt: skip
    if not built:
        check_free(build.path, half_written=plan is not None or mode is IndexingMode.overwrite)
    if not built or not (mode is IndexingMode.append or (plan and plan['append'])):
        return None
    opened = index.open()
    if 'files' in opened.meta:
        index.verify()  # a damaged one would get new digests
    return opened


def start_build(
    index: 'MultilingualIndex', mode: IndexingMode, build: Build, precision: str | None = None,
    encoder: Mapping | None = None,
) -> bool:  # fmt: skip
    """Starts or continues the build; returns whether it appends.

    ``encoder`` is recorded: what :func:`~pyterrier_hybrid.cards.describe_encoder` returns.

    The precision is that of the build or index that is there by default, else float32.
    """
    plan = build.plan() if mode is IndexingMode.resume else None
    _, fingerprint = _look(index, mode, plan)
    if plan is None:
        append, overwrite = mode is IndexingMode.append, mode is IndexingMode.overwrite
        there = precision_of(index.open().vecs) if append else precision or 'float32'
        known = index.recorded_encoder() if append else None
        remedy = "append with that one, or build the index again with indexer(mode='overwrite')"
        check_encoder(encoder, known, f'the index at {index.path}', remedy)
        recorded = encoder or (index.meta().get('encoder') if append else None)
        plan = {'append': append, 'overwrite': append or overwrite, 'base': fingerprint, 'precision': there,
                'encoder': recorded}  # fmt: skip
        _check_precision(precision, plan, build)
        build.start(**plan)
    elif plan['base'] != fingerprint:
        raise ValueError(
            f'the index at {build.path} has been finished or replaced since the build beside it was interrupted; '
            "indexer(mode='overwrite') or indexer(mode='append') starts a new build"
        )
    else:
        _check_precision(precision, plan, build)
        remedy = "resume with that one, or start a new build with indexer(mode='create') or 'overwrite'"
        check_encoder(encoder, plan.get('encoder'), f'the interrupted build of {index.path}', remedy)
        build.verify()
    return plan['append']


def check_encoder(given: Mapping | None, recorded: Mapping | None, where: str, remedy: str) -> None:
    """Refuses another encoder than the recorded one, where both are known by their ``model``.

    Args:
        given: what :func:`~pyterrier_hybrid.cards.describe_encoder` returns.
        recorded: the same of the vectors that are there.
        where: what they are in, for the message.
        remedy: what to do, for the message.
    """
    models = [(encoder or {}).get('model') for encoder in (given, recorded)]
    if None not in models and models[0] != models[1]:
        names = [f'{encoder["name"]:.200} (model {encoder["model"]:.80})' for encoder in (recorded, given)]
        raise ValueError(f'{where} has vectors of the encoder {names[0]}, and this one is {names[1]}: {remedy}')


def check_finished(index: 'MultilingualIndex', given: Mapping | None) -> None:
    """Refuses to resume a finished index with another encoder than is recorded of it."""
    remedy = "build it again with mode='overwrite', or choose another path"
    check_encoder(given, index.recorded_encoder(), f'the finished index at {index.path}', remedy)


def _check_precision(precision: str | None, plan: Mapping, build: Build) -> None:
    """Refuses another precision than the plan's."""
    if precision not in (None, plan['precision']):
        raise ValueError(
            f"the index at {build.path} stores {plan['precision']} vectors, so precision={precision!r} cannot be added "
            f"to it; leave precision out, or build it again with indexer(mode='overwrite', precision={precision!r})"
        )


def check_free(path: Path, half_written: bool) -> None:
    """Refuses a path that holds anything but an empty folder or, if ``half_written``, an unfinished FLEX index."""
    if not path.exists() or is_empty(path):
        return
    if (path / VECTORS).exists() and not (path / META).exists():
        if half_written:
            return
        raise Exists(
            errno.EEXIST, f"the index at {path} is half-written (no {META}); indexer(mode='overwrite') replaces it"
        )
    raise Exists(
        errno.EEXIST, f'{path} holds something that is no FLEX index; it is left as it is; choose another path'
    )
