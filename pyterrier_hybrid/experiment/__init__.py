"""Experiments: one encoder or pipeline, all its monolingual, cross-lingual and multilingual settings, one table."""
from importlib import import_module

_EXPORTS = {
    'MultilingualExperiment': 'settings',
    'EvaluationSet': 'evaluation_set',
    'Result': 'result',
    'rank_grid': 'grid',
    'list_settings': 'settings',
    'write_runs': 'trec_runs',
    'compare_systems': 'significance',
    'equivalence': 'significance',
    'compare_by_language': 'languages_won',
    'compare_every_language': 'languages_won',
    'better_in': 'languages_won',
    'ratio_study': 'study',
    'StudyResult': 'study_result',
    'alphas': 'study_mixes',
    'simplex': 'study_mixes',
}
__all__ = list(_EXPORTS)


def __getattr__(name: str):
    if name in _EXPORTS:
        return getattr(import_module(f'{__name__}.{_EXPORTS[name]}'), name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
