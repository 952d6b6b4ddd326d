"""What a result was made from, so that its figures can be made again."""
import platform
from collections.abc import Iterable, Sequence
from importlib.metadata import version

from ir_measures.measures import Measure

from .evaluation_set import EvaluationSet, Setting
from .systems import System

#: What changes figures when it changes; dependencies of this package, so that all are installed.
PACKAGES = (
    'pyterrier-hybrid', 'pyterrier', 'pyterrier-dr', 'ir_datasets', 'ir_measures', 'numpy', 'pandas', 'scipy', 'torch',
    'transformers', 'sentence-transformers',
)  # fmt: skip


def versions() -> dict[str, str]:
    """The versions of Python and of the packages that compute a result, by name."""
    return {'python': platform.python_version(), **{package: version(package) for package in PACKAGES}}


def provenance(
    collection: EvaluationSet, systems: Iterable[System], measures: Sequence[Measure], settings: Sequence[Setting]
) -> dict:
    """The record of an evaluation: JSON values, the same for the same inputs and versions.

    Returns:
        ``dataset`` (name, fingerprint, languages, passages and questions by language), ``systems`` (by name, what each
        says of itself), ``measures``, ``settings`` (their number by kind), ``versions``.
    """
    kinds = [setting.kind for setting in settings]
    questions = {lang: len(collection.topics(lang)) for lang in collection.query_languages}
    return {
        'dataset': {
            'name': collection.name,
            'fingerprint': collection.fingerprint,
            'languages': list(collection.codes),
            'passages': {lang: int(size) for lang, size in collection.pool_sizes.items()},
            'questions': questions,
        },
        'systems': {system.name: system.describe() for system in systems},
        'measures': [repr(measure) for measure in measures],
        'settings': {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)},
        'versions': versions(),
    }
