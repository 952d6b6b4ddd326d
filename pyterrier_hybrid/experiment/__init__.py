"""Experiments: one encoder or pipeline, all its monolingual, cross-lingual and multilingual settings, one table."""
from pyterrier_hybrid.lazy import lazy_names

_EXPORTS = {
    'MultilingualExperiment': 'multilingual',
    'EvaluationSet': 'evaluation_set',
    'Result': 'result',
    'rank_grid': '.ranking.grid',
    'list_settings': 'setting',
    'write_runs': 'trec_runs',
    'compare_systems': 'old_names',
    'equivalence': 'old_names',
    'compare_by_language': 'old_names',
    'compare_every_language': 'old_names',
    'better_in': 'languages_won',
    'ratio_study': 'study',
    'StudyResult': 'study_result',
    'alphas': 'study_mixes',
    'simplex': 'study_mixes',
}
__getattr__, __dir__, __all__ = lazy_names(__name__, _EXPORTS)
