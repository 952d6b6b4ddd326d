"""Whether runs are of one study: what all of them must share, compared as far as their records have it."""
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyterrier_hybrid.experiment.result import Result

#: What follows from a run's part of the pairs, or from its machine, where the study does not say it.
_OF_EACH = ('pairs', 'steps', 'eval_steps', 'bf16', 'validation')


def check_alike(runs: 'Mapping[object, Result]', record: dict) -> None:
    """Refuses runs whose figures must not stand beside one another.

    Args:
        runs: results by what they are called in the message; each with ``provenance['run']``.
        record: of the study. It may lack what an earlier version did not write, and so may the runs.

    Raises:
        ValueError: a run of another collection, by other measures, of a mix with other shares or trained in another
            way, with the difference.
    """
    made_with = record['made_with']
    wanted = {name: value for name, value in _comparable(made_with).items() if name != 'settings'}
    if 'batch_size' in made_with:  # it has all that says how runs are trained
        wanted = {**({} if 'validation' in made_with else {'validation': None}), **wanted}
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
    """What the result of a run says of all that a study's runs share."""
    run, provenance = result.provenance['run'], result.provenance
    found = {'dataset': result.dataset, 'measures': list(result.measures)}
    collection = _mapping(provenance.get('dataset'))
    for what, field in (('questions and passages', 'fingerprint'), ('languages', 'languages')):
        if field in collection:
            found[what] = collection[field]
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
    """Settings that were given, with a digest in the place of a backbone and a validation set."""
    found = {name: value for name, value in settings.items() if value is not None and value != 'auto'}
    digest = found.pop('backbone_fingerprint', None)
    if 'backbone' in found:  # an absolute path is recorded by its last part
        found['backbone'] = digest or Path(str(found['backbone'])).name
    if 'validation' in found:  # what is held out of the pairs is another set for each part of them
        found['validation'] = _mapping(found['validation']).get('fingerprint')
        if found['validation'] is None:
            del found['validation']
    return found


def _shares(mix: Mapping) -> dict[str, float]:
    return {kind: share for kind, share in sorted(mix.items()) if share}


def _mapping(value: object) -> Mapping:
    """The value if it is a mapping; an empty one instead of anything else."""
    return value if isinstance(value, Mapping) else {}
