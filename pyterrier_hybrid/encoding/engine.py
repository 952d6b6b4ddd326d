"""What turns texts into vectors: a model in its precision, on one device or several."""
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import torch
from sentence_transformers import SentenceTransformer

from pyterrier_hybrid.encoding.batching import WINDOW
from pyterrier_hybrid.encoding.inference import encode_windows
from pyterrier_hybrid.encoding.pool import AHEAD, EncoderPool
from pyterrier_hybrid.encoding.precision import reduce_checked, reduce_precision, reducible, spread_sample
from pyterrier_hybrid.encoding.sides import Side
from pyterrier_hybrid.encoding.texts import PROBES

#: Texts on which the precision that was chosen is compared with float32.
SAMPLE = 32


class Engine:
    """Encodes texts with a model.

    Args:
        model: shared, not copied.
        normalize: scale vectors to length 1.

    Attributes:
        dtype: the precision inside the transformer.
        pending: whether the weights are still in float32, to be cast to ``dtype`` when the first texts are encoded.
    """

    def __init__(self, model: SentenceTransformer, normalize: bool):
        self.model, self.normalize = model, normalize
        self.dtype, self.pending = model.dtype, False
        self._several: tuple[torch.device, ...] = ()
        self._pool: EncoderPool | None = None

    def __getstate__(self) -> dict:
        return {**self.__dict__, '_pool': None}

    @property
    def devices(self) -> tuple[torch.device, ...]:
        """Where texts are encoded."""
        return self._several or (self.model.device,)

    def place(self, devices: Sequence[torch.device], dtype: torch.dtype, *, checked: bool) -> None:
        """Puts the model, which is in float32, on a device; on several, it stays where it is, and processes load it.

        Args:
            devices: where texts are encoded.
            dtype: the precision; a static embedding stays in float32.
            checked: cast only where vectors stay what they are (:func:`reduce_checked`), at the first texts.
        """
        self.dtype = dtype if reducible(self.model) else torch.float32
        self.pending = checked and self.dtype != torch.float32
        if not self.pending:
            reduce_precision(self.model, self.dtype)
        if len(devices) > 1:
            self._several = tuple(devices)
        else:
            self.model.to(devices[0])

    @property
    def windows_at_once(self) -> int:
        """How many windows of texts keep all devices at work, while the next texts are tokenised."""
        return AHEAD * len(self.devices) if self._several or self.model.device.type != 'cpu' else 1

    def encode(
        self, texts: list[str], side: Side, batch_size: int, progress: Callable[[int], object], reopened: tuple
    ) -> Iterator[np.ndarray]:
        """Yields the vectors of texts, float32, a window at a time, in order. The precision is settled, gradients off.

        Args:
            reopened: the checkpoint and the options with which other processes open this model.
        """
        if not self._several:
            for window in self.windows(texts, side, batch_size, progress):
                yield window.cpu().numpy()
            return
        if self._pool is None:
            self._pool = self._started(*reopened)
        try:
            for vectors in self._pool.encode(texts, side, batch_size):
                progress(len(vectors))
                yield vectors
        except ChildProcessError:
            self._pool = None
            raise

    def windows(self, texts: list[str], side: Side, batch_size: int, *progress) -> Iterator[torch.Tensor]:
        """Yields the vectors of texts as float32 tensors on the model's device, with gradients where these are on."""
        for window in encode_windows(self.model, texts, side, batch_size, *progress):
            # scaled once more: the model's own scaling may be in half precision, or of vectors cut since
            yield torch.nn.functional.normalize(window.float(), dim=1) if self.normalize else window.float()

    def settle(self, texts: list[str], side: Side, batch_size: int) -> None:
        """Casts the weights to the precision chosen for them, if they wait for that and vectors stay what they are."""
        if not self.pending or not texts:
            return
        sample = spread_sample(texts[:WINDOW], SAMPLE)
        sample += PROBES[: SAMPLE - len(sample)]

        def encode() -> torch.Tensor:
            with torch.inference_mode():
                return torch.cat(list(self.windows(sample, side, batch_size)))

        training, home = self.model[0].training, self.model.device
        self.model.eval().to(self.devices[0])
        try:
            self.dtype, self.pending = reduce_checked(self.model, self.dtype, encode), False
        finally:
            self.model.train(training).to(home)

    def _started(self, path_or_name: str, options: Mapping[str, object]) -> EncoderPool:
        return EncoderPool(path_or_name, {**options, 'dtype': str(self.dtype).removeprefix('torch.')}, self._several)
