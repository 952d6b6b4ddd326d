"""Checks that runs are of one study: compares what all of them must share, as far as their records have it."""
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyterrier_hybrid.experiment.result import Result

#: Settings that may differ between runs unless the study has them: they depend on a run's part of the pairs or machine.
_OF_EACH = ('pairs', 'steps', 'eval_steps', 'bf16', 'validation')


def check_alike(runs: 'Mapping[object, Result]', record: dict) -> None:
    """Raises ValueError for runs whose figures must not be compared.

    Args:
        runs: results by their names in the message; each with ``provenance['run']``.
        record: of the study. It may lack what an earlier version did not write, and so may the runs.

    Raises:
        ValueError: a run of another collection, by other measures, of a mix with other shares or trained in another
            way, with the difference.
    """
    made_with = record['made_with']
    wanted = {name: value for name, value in _comparable(made_with).items() if name != 'settings'}
    if 'batch_size' in made_with:  # it has all settings of the training
        wanted = {**({} if 'validation' in made_with else {'validation': None}), **wanted}
    wanted['ignore_identical_ids'] = bool(made_with.get('ignore_identical_ids'))
    for name, result in runs.items():
        found = _of_run(result, made_with)
        mix = _shares(record['mixes'][result.provenance['run']['mix']])
        told = [
            f'its {what} is {found[what]!r:.120}, and that of the study {expected!r:.120}'
            for what, expected in {**wanted, 'mix': mix}.items() if found.get(what, expected) != expected
        ]  # fmt: skip
        if told:
            raise ValueError(f'{name} is a run of another study: {"; ".join(told)}. Move it out of the study')
        wanted = {**{what: value for what, value in found.items() if what not in (*_OF_EACH, 'mix')}, **wanted}


def _of_run(result: 'Result', made_with: Mapping) -> dict[str, Any]:
    """The settings in a run's result that all runs of a study share."""
    run, provenance = result.provenance['run'], result.provenance
    found = {'dataset': result.dataset, 'measures': list(result.measures)}
    collection = _mapping(provenance.get('dataset'))
    for what, field in (('questions and passages', 'fingerprint'), ('languages', 'languages')):
        if field in collection:
            found[what] = collection[field]
    if collection:
        found['ignore_identical_ids'] = bool(collection.get('ignore_identical_ids'))
    if 'settings' in provenance:
        found['settings'] = provenance['settings']
    if isinstance(run.get('shares'), Mapping):
        found['mix'] = _shares(run['shares'])
    training = _mapping(_mapping(_mapping(provenance.get('systems')).get(run['mix'])).get('training'))
    if training:
        names = {*made_with, 'backbone_fingerprint', 'validation'} - ({'pairs'} if run['fraction'] != 1 else set())
        kept = {name: value for name, value in training.items() if name in names}
        found |= {'validation': None} | _comparable(kept)
    return found


def _comparable(settings: Mapping) -> dict[str, Any]:
    """The given settings, with a digest instead of a backbone and of a validation set."""
    found = {name: value for name, value in settings.items() if value is not None and value != 'auto'}
    digest = found.pop('backbone_fingerprint', None)
    if 'backbone' in found:  # of a path, only the last part is compared
        found['backbone'] = digest or Path(str(found['backbone'])).name
    if 'validation' in found:  # held-out pairs have no digest here: they differ between parts of the pairs
        found['validation'] = _mapping(found['validation']).get('fingerprint')
        if found['validation'] is None:
            del found['validation']
    return found


def _shares(mix: Mapping) -> dict[str, float]:
    return {kind: share for kind, share in sorted(mix.items()) if share}


def _mapping(value: object) -> Mapping:
    """The value if it is a mapping; an empty one instead of anything else."""
    return value if isinstance(value, Mapping) else {}
