"""An encoder on many machines: made once in each process, and the same one everywhere."""
import socket
from collections.abc import Callable

from pyterrier_hybrid.cards import describe_encoder


class SentEncoder:
    """An encoder, or a function that makes one, as it is sent to other processes, where :meth:`get` makes it.

    A ``HybridEncoder`` of a checkpoint is sent as its path or name and parameters, with the precision that it has here,
    so that ``dtype='auto'`` is not decided anew on a machine of another kind. Any other encoder is pickled.
    ``model_name`` identifies it, and is the same on every machine; ``described`` is what an index records of it.
    """

    def __init__(self, encoder: object):
        made = encoder if hasattr(encoder, 'doc_encoder') else _call(encoder)
        if not hasattr(made, 'doc_encoder'):
            raise TypeError(
                f'{made!r:.80} is no encoder, since it has no doc_encoder(); give a HybridEncoder, another BiEncoder, '
                'or a function without arguments that makes one'
            )
        recipe = made.recipe() if hasattr(made, 'recipe') else None  # which settles the precision, and so the name
        self.model_name = str(getattr(made, 'model_name', None))
        self.described = describe_encoder(made)
        self.text_field = getattr(made, 'text_field', 'text')
        self.batch_size = _batch_size(made)
        self._make = recipe or (encoder if made is not encoder else None)
        self._given = made if self._make is None else None
        self._made = None

    def get(self):
        """Returns the encoder, made when it is first asked for in a process.

        Raises ValueError, which names the machine, if it cannot be made here or is another one than where it was sent.
        """
        if self._made is None:
            made = self._given if self._make is None else self._make_here()
            found = str(getattr(made, 'model_name', None))
            if found != self.model_name:
                raise ValueError(
                    f'the encoder on {socket.gethostname()} is not the one given: its model_name is {found:.80}, and '
                    f'{self.model_name:.80} there. It was changed after it was loaded (save it), its folder has other '
                    "content on this machine, or its precision was chosen anew (give dtype='bfloat16' or 'float32')"
                )
            self._made = made
        return self._made

    def _make_here(self):
        try:
            return self._make()
        except Exception as error:
            raise ValueError(
                f'{socket.gethostname()}, a machine of the Ray cluster, cannot make the encoder '
                f'({type(error).__name__}: {error!s:.300}); its folder has to be there at the same path'
            ) from error

    def __getstate__(self) -> dict:
        return {**self.__dict__, '_made': None}

    def __repr__(self) -> str:
        return f'the encoder {self._given or self._make!r}'


def _call(make: object) -> object:
    if not isinstance(make, Callable):
        raise TypeError(f'{make!r:.80} is neither an encoder nor a function that makes one')
    return make()


def _batch_size(encoder) -> int:
    """How many documents PyTerrier's pipeline ``encoder.doc_encoder() >> index`` encodes at once."""
    size = getattr(encoder.doc_encoder(), 'batch_size', 0)
    return max(100, size) if isinstance(size, int) else 100
