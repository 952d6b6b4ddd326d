"""The interface that an experiment needs of a system of any form."""
from abc import ABC, abstractmethod

import numpy as np
import pandas as pd

from pyterrier_hybrid.experiment.evaluation_set import EvaluationSet
from pyterrier_hybrid.experiment.setting import Judged, Setting


class System(ABC):
    """A system to be evaluated on one collection, with a name for messages; a subclass for each form."""

    def __init__(self, name: str, collection: EvaluationSet):
        self.name, self.collection = name, collection

    def prepare(self, verbose: bool) -> None:  # noqa: B027  (nothing to prepare is usual)
        """Does the work that is common to all settings."""

    def refuses(self, setting: Setting) -> str:
        """Why the system cannot be evaluated in a setting; empty if it can."""
        return ''

    @abstractmethod
    def ranks(self, setting: Setting, judged: Judged) -> tuple[np.ndarray, np.ndarray]:
        """The ranks of the relevant passages of a setting, and the number of passages ranked for each question.

        Returns:
            int64 (n,), by (-score, docno) and from 1, 0 for a passage that was not retrieved; int64 (n_queries,).
        """

    @abstractmethod
    def run(self, setting: Setting, judged: Judged, depth: int | None) -> pd.DataFrame:
        """The run of a setting's questions, at least down to a depth; None for all that the system retrieves.

        Returns:
            ``qid, docno, score, rank, doc_lang`` and whatever else the system gives, each question's passages in order;
            ``rank`` is by (-score, docno), from 0, and ``doc_lang`` the passage's language in the collection.
        """

    @abstractmethod
    def describe(self) -> dict:
        """Describes the system in JSON values, the same for the same system."""

    def cut(self) -> int | None:
        """The length of the longest list in the multilingual settings, if any list lacks passages; None otherwise."""
        return None

    def notes(self) -> list[str]:
        """Notes to print below a table, after the system was evaluated."""
        return []
