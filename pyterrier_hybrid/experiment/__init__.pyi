from .evaluation_set import EvaluationSet as EvaluationSet
from .languages_won import better_in as better_in
from .multilingual import MultilingualExperiment as MultilingualExperiment
from .old_names import (
    compare_by_language as compare_by_language,
)
from .old_names import (
    compare_every_language as compare_every_language,
)
from .old_names import (
    compare_systems as compare_systems,
)
from .old_names import (
    equivalence as equivalence,
)
from .result import Result as Result
from .setting import list_settings as list_settings
from .study import ratio_study as ratio_study
from .study_mixes import alphas as alphas
from .study_mixes import simplex as simplex
from .study_result import StudyResult as StudyResult
from .trec_runs import write_runs as write_runs
