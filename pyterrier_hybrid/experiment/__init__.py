"""Experiments: one encoder or pipeline, all its monolingual, cross-lingual and multilingual settings, one table."""
from pyterrier_hybrid.lazy import lazy_names

_EXPORTS = {
    'MultilingualExperiment': 'multilingual',
    'EvaluationSet': 'evaluation_set',
    'Result': 'result',
    'rank_grid': '.ranking.grid',
    'list_settings': 'setting',
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
__getattr__, __dir__, __all__ = lazy_names(__name__, _EXPORTS)
