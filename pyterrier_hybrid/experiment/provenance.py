"""Records what a result was made from, so that its figures can be reproduced."""
import platform
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path

from ir_measures.measures import Measure

from pyterrier_hybrid.experiment.evaluation_set import EvaluationSet
from pyterrier_hybrid.experiment.setting import Setting
from pyterrier_hybrid.experiment.systems import System
from pyterrier_hybrid.training.record import read_training_record

#: Packages whose versions influence the figures. All are dependencies of this package, and so installed.
PACKAGES = (
    'pyterrier-hybrid', 'pyterrier', 'pyterrier-dr', 'ir_datasets', 'ir_measures', 'numpy', 'pandas', 'scipy', 'torch',
    'transformers', 'sentence-transformers',
)  # fmt: skip
#: Fields of a training's record that differ between equal runs, or that are long and follow from the others.
LEFT_OUT = ('seconds', 'tokens', 'losses', 'validation', 'files')


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
    return {
        'dataset': {
            'name': collection.name,
            'fingerprint': collection.fingerprint,
            'languages': list(collection.codes),
            'passages': {lang: int(size) for lang, size in collection.pool_sizes.items()},
            'questions': {lang: len(collection.topics(lang)) for lang in collection.query_languages},
            **({'ignore_identical_ids': True} if collection.ignore_identical_ids else {}),
        },
        'systems': {system.name: system.describe() for system in systems},
        'measures': [repr(measure) for measure in measures],
        'settings': {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)},
        'versions': versions(),
    }


def training(encoder) -> dict | None:
    """How an encoder of any class was trained, as far as its weights depend on it, out of the record in its folder.

    Returns:
        JSON values, the same for every run of training with the same inputs and versions: mix, seed, fingerprint of the
        pairs, steps and so on, all but :data:`LEFT_OUT`; of ``validation``, if there was some, its name, fingerprint,
        and which weights it chose. None for a model that was not trained by this package, or is not read from a folder.

    Raises:
        ValueError: the record cannot be read.
    """
    folder = getattr(encoder, 'folder', None)
    record = None if folder is None else read_training_record(folder)
    if record is None:
        return None
    found = {name: value for name, value in record.items() if name not in LEFT_OUT}
    if Path(str(found.get('backbone'))).is_absolute():
        found['backbone'] = Path(found['backbone']).name
    validation = record.get('validation')
    if isinstance(validation, dict):
        kept = ('name', 'fingerprint', 'best_step', 'saved')
        found['validation'] = {name: validation[name] for name in kept if name in validation}
    return found
