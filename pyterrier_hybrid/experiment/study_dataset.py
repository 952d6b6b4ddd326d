"""Sends the data set of a study to runs in other processes, and checks there that it is known."""
import pickle

import ir_datasets

from datasets_ext.opening import UnknownDataset, name_of, open_dataset
from datasets_ext.shape import REGISTERED


def sendable(dataset: object, *, ray: bool) -> object:
    """Returns a data set in a form that can be sent to another process: its id, if it is registered.

    Raises:
        ValueError: an object that is not registered, and cannot be pickled.
    """
    if isinstance(dataset, str):
        return dataset
    reference = dataset.irds_ref() if hasattr(dataset, 'irds_ref') else dataset
    name = name_of(reference)
    for prefix, registered in (('', REGISTERED), ('irds:', ir_datasets.registry._registered)):
        if registered.get(name) is reference:
            return f'{prefix}{name}'
    try:
        if ray:
            from ray import cloudpickle

            cloudpickle.dumps(dataset)
        else:
            pickle.dumps(dataset)
    except Exception as error:  # pickling may raise any class
        others = 'the workers of a Ray cluster' if ray else 'other processes'
        raise ValueError(
            f'dataset is {dataset!r:.80}, which cannot be sent to {others} ({error!s:.100}); give the id of a '
            'registered data set, or processes=1'
        ) from None
    return dataset


def check_known(dataset: object, *, ray: bool) -> None:
    """Raises UnknownDataset for an id that the sending process knows and this one does not."""
    try:
        open_dataset(dataset)
    except UnknownDataset as error:
        why = (
            'a worker of a Ray cluster imports nothing of the script that registers it; give processes= instead of ray='
            if ray else 'each process of a study imports the script anew, so a data set of your own is registered '
            "outside of the guard if __name__ == '__main__':, or give processes=1"
        )  # fmt: skip
        raise UnknownDataset(f'{error}; {why}') from None
