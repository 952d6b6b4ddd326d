"""What an experiment needs of a system, whatever its form."""
import numpy as np
import pandas as pd

from .evaluation_set import EvaluationSet, Judged, Setting


class System:
    """A system to be evaluated on one collection; a subclass for each form.

    Args:
        name: for messages.
        collection: the collection.
    """

    def __init__(self, name: str, collection: EvaluationSet):
        self.name, self.collection = name, collection

    def prepare(self, verbose: bool) -> None:
        """Does what is done once for all settings."""

    def refuses(self, setting: Setting) -> str:
        """Why the system cannot be evaluated in a setting; empty if it can."""
        return ''

    def ranks(self, setting: Setting, judged: Judged) -> np.ndarray:
        """The ranks of the relevant passages of a setting, by (-score, docno) and from 1: int64 (n,).

        0 stands for a passage that was not retrieved.
        """
        raise NotImplementedError

    def run(self, setting: Setting, judged: Judged, depth: int | None) -> pd.DataFrame:
        """The run of a setting's questions.

        Args:
            setting, judged: the setting.
            depth: how many passages of every list are needed at least; None for all that the system retrieves.

        Returns:
            ``qid, docno, score`` and whatever else the system gives; ``score`` is minus the rank by (-score, docno), so
            that no evaluation tool breaks ties in another order.
        """
        raise NotImplementedError

    def describe(self) -> dict:
        """What the system is: JSON values, the same for the same system."""
        raise NotImplementedError

    def notes(self) -> list[str]:
        """What has to be said under a table, after the system was evaluated."""
        return []
