"""What turns texts into vectors: a model in its precision, on one device or several."""
import os
import warnings
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from sentence_transformers import SentenceTransformer

from pyterrier_hybrid.encoding.batching import WINDOW
from pyterrier_hybrid.encoding.compiled import CompiledModel, compilable
from pyterrier_hybrid.encoding.identity import weights_version
from pyterrier_hybrid.encoding.inference import encode_windows
from pyterrier_hybrid.encoding.pool import AHEAD, EncoderPool
from pyterrier_hybrid.encoding.precision import (
    LEAST_COSINE,
    is_told,
    least_cosine,
    reduce_checked,
    reduce_precision,
    reducible,
    spread_sample,
)
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
        pending: whether this is still to be checked, when the first texts are encoded; until then weights are float32.
        library: what computes the transformer's layers, 'torch' or 'openvino'.
    """

    def __init__(self, model: SentenceTransformer, normalize: bool):
        self.model, self.normalize = model, normalize
        self.dtype, self.pending, self.library = model.dtype, False, 'torch'
        self._compiled: CompiledModel | None = None
        self._several: tuple[torch.device, ...] = ()
        self._pool: EncoderPool | None = None

    def __getstate__(self) -> dict:
        """Without what another process makes anew."""
        compiled = self._compiled is not None
        return {**self.__dict__, '_pool': None, '_compiled': None, 'pending': self.pending or compiled}

    @property
    def devices(self) -> tuple[torch.device, ...]:
        """Where texts are encoded."""
        return self._several or (self.model.device,)

    def place(self, devices: Sequence[torch.device], dtype: torch.dtype, *, checked: bool, library: str) -> None:
        """Puts the model, which is in float32, on a device; on several, it stays where it is, and processes load it.

        Args:
            devices: where texts are encoded.
            dtype: the precision; a static embedding stays in float32.
            checked: cast only where vectors stay what they are (:func:`reduce_checked`), at the first texts.
            library: 'torch', 'openvino', or 'auto', which is OpenVINO for a precision that is checked, where it can.

        Raises:
            ValueError: OpenVINO was asked for, and cannot compute this.
        """
        self.dtype = dtype if reducible(self.model) else torch.float32
        cpu = self.dtype == torch.bfloat16 and [device.type for device in devices] == ['cpu']
        compiled = library != 'torch' and cpu and compilable(self.model)
        if library == 'openvino' and not compiled:
            raise ValueError(
                "library='openvino' is for layers as BERT's in bfloat16 on one processor, and has to be installed (pip "
                "install pyterrier-hybrid[openvino]); give library='auto' or 'torch'"
            )
        if compiled and (library == 'openvino' or (checked and not is_told())):
            self.library, checked = 'openvino', True
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
        self, texts: list[str], side: Side, batch_size: int, progress: Callable[[int], object], recipe: Callable
    ) -> Iterator[np.ndarray]:
        """Yields the vectors of texts, float32, a window at a time, in order. The precision is settled, gradients off.

        Args:
            recipe: returns what makes the encoder in another process.
        """
        if not self._several:
            for window in self.windows(texts, side, batch_size, progress):
                yield window.cpu().numpy()
            return
        if self._pool is None:
            self._pool = EncoderPool(recipe(), self._several)
        try:
            for vectors in self._pool.encode(texts, side, batch_size):
                progress(len(vectors))
                yield vectors
        except ChildProcessError:
            self._pool = None
            raise

    def windows(self, texts: list[str], side: Side, batch_size: int, *progress) -> Iterator[torch.Tensor]:
        """Yields the vectors of texts as float32 tensors on the model's device.

        They have gradients where these are on; then torch computes them.
        """
        compiled = None if torch.is_grad_enabled() else self._compiled
        for window in encode_windows(self.model, texts, side, batch_size, *progress, compiled=compiled):
            # scaled once more: the model's own scaling may be in half precision, or of vectors cut since
            yield torch.nn.functional.normalize(window.float(), dim=1) if self.normalize else window.float()

    def settle(self, texts: list[str], side: Side, batch_size: int) -> None:
        """Takes the library and the precision that were chosen, if they wait for that and vectors stay what they are.

        Compiled weights are a copy: after a change of the model's they are made anew. OpenVINO does not survive a fork.
        """
        if self._compiled is not None and self._compiled.version != (os.getpid(), weights_version(self.model)):
            self.library = 'openvino' if self._compiled.version[0] == os.getpid() else 'torch'
            self._compiled, self.pending = None, True
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
            if self.library == 'torch' or not self._compile(encode):
                self.dtype = reduce_checked(self.model, self.dtype, encode)
            self.pending = False
        finally:
            self.model.train(training).to(home)

    def _compile(self, encode: Callable[[], torch.Tensor]) -> bool:
        """Whether the layers could be compiled, and vectors stayed what they are; if not, torch is left to do it."""
        exact = encode()
        try:
            self._compiled = CompiledModel(self.model)
            cosine = least_cosine(exact, encode())
            reason = f'gives other vectors than in float32 (cosine {cosine:.4f})'
        except Exception as error:  # of many classes, none of which the user can act on
            cosine, reason = 0.0, f'cannot be compiled ({type(error).__name__}: {str(error).splitlines()[0]:.200})'
        if cosine >= LEAST_COSINE:
            return True
        self._compiled, self.library = None, 'torch'
        warnings.warn(f'by OpenVINO this model {reason}, so torch computes it', stacklevel=6)
        return False
