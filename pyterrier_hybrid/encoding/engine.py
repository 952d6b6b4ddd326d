"""What turns texts into vectors: a model in its precision, on one device or several."""
import os
import warnings
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from sentence_transformers import SentenceTransformer

from pyterrier_hybrid.encoding.backbones import is_static
from pyterrier_hybrid.encoding.batching import WINDOW
from pyterrier_hybrid.encoding.identity import weights_version
from pyterrier_hybrid.encoding.inference import encode_windows
from pyterrier_hybrid.encoding.kitoken_ids import TokenIds
from pyterrier_hybrid.encoding.layers import Layers, ModelByLayers, has_known_layers, torch_layers
from pyterrier_hybrid.encoding.openvino_layers import is_installed, openvino_layers
from pyterrier_hybrid.encoding.pool import AHEAD, EncoderPool
from pyterrier_hybrid.encoding.precision import (
    LEAST_COSINE,
    is_told,
    least_cosine,
    reduce_checked,
    reduce_precision,
    reducible,
    spread_sample,
    stays,
)
from pyterrier_hybrid.encoding.processors import multiplies
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
        library: what computes the transformer's layers, 'torch' or 'openvino'.
        layers: the implementation of the layers: 'transformers' for the model's own; 'torch' or 'openvino' for those of
            :mod:`layers`, with which the model's own weights stay in float32.
        pending: whether the layers, or the weights in this precision, are still to be made, and checked, when the first
            texts are encoded; until then weights are float32.
    """

    def __init__(self, model: SentenceTransformer, normalize: bool):
        self.model, self.normalize = model, normalize
        self.dtype, self.library, self.layers = model.dtype, 'torch', 'transformers'
        self.pending = self._checked = False
        self._by_layers: ModelByLayers | None = None
        self._ids: tuple[object, TokenIds | None] = (None, None)
        self._several: tuple[torch.device, ...] = ()
        self._loaded: tuple | None = None  # the version of the weights that are in the checkpoint
        self._pool: EncoderPool | None = None

    def __getstate__(self) -> dict:
        """Leaves out what another process makes anew."""
        pending, unchanged = self.pending or self._by_layers is not None, self._version() == self._loaded
        return {
            **self.__dict__, '_pool': None, '_by_layers': None, '_ids': (None, None), 'pending': pending,
            '_loaded': unchanged,
        }  # fmt: skip

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state)
        self._loaded = self._version() if state['_loaded'] else None

    @property
    def devices(self) -> tuple[torch.device, ...]:
        """Where texts are encoded."""
        return self._several or (self.model.device,)

    @torch.inference_mode(False)
    def place(self, devices: Sequence[torch.device], dtype: torch.dtype, *, checked: bool, library: str) -> None:
        """Puts the model, in float32, on a device. For several devices it stays where it is, and processes load it.

        With ``checked``, the model is cast when the first texts are encoded, and only if its vectors hardly change
        (:func:`reduce_checked`). A static embedding stays in float32. ``library`` is 'torch', 'openvino', or 'auto':
        OpenVINO if ``checked`` and if it can compute the layers, else torch. Raises ValueError if ``library`` is
        'openvino' and OpenVINO cannot compute the layers.
        """
        self.dtype = dtype if reducible(self.model) else torch.float32
        on_cpu = self.dtype == torch.bfloat16 and all(device.type == 'cpu' for device in devices)
        known = on_cpu and has_known_layers(self.model)
        can_compile = known and len(devices) == 1 and is_installed()
        if library == 'openvino' and not can_compile:
            raise ValueError(
                "library='openvino' needs layers like BERT's, dtype bfloat16, a single CPU device, and OpenVINO (pip "
                "install pyterrier-hybrid[openvino]); give library='auto' or 'torch'"
            )
        if library == 'openvino' or (library == 'auto' and can_compile and checked and not is_told()):
            self.library = self.layers = 'openvino'
        elif known and multiplies(torch.bfloat16):
            self.layers = 'torch'
        self._checked = checked
        self.pending = self.dtype != torch.float32 and (checked or self.layers != 'transformers')
        if not self.pending:
            reduce_precision(self.model, self.dtype)
        if len(devices) > 1:
            self._several = tuple(devices)
            self._loaded = self._version()
        else:
            self.model.to(devices[0])

    @property
    def windows_at_once(self) -> int:
        """How many windows of texts keep all devices at work, while the next texts are tokenised."""
        return AHEAD * len(self.devices) if self._several or self.model.device.type != 'cpu' else 1

    def encode(
        self, texts: list[str], side: Side, batch_size: int, progress: Callable[[int], object], recipe: Callable
    ) -> Iterator[np.ndarray]:
        """Yields the vectors of texts, float32, a window at a time, in order.

        The caller has called :meth:`settle` and switched gradients off. ``recipe`` returns a function that makes the
        encoder in another process.
        """
        if not self._several:
            for window in self.windows(texts, side, batch_size, progress):
                yield window.cpu().numpy()
            return
        if self._version() != self._loaded:
            raise ValueError(
                'the model has changed since its checkpoint was read, and the processes of several devices read the '
                'checkpoint: save the model and open that, or give one device'
            )
        if self._pool is None or not self._pool.is_here:
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

        If gradients are on, the vectors have them, and the model's own layers compute.
        """
        by_layers = None if torch.is_grad_enabled() else self._by_layers
        ids = self._token_ids(texts) if is_static(self.model) else None
        for window in encode_windows(self.model, texts, side, batch_size, *progress, by_layers=by_layers, ids=ids):
            # Scale once more: the model may have scaled in half precision, or before the vectors were cut.
            yield torch.nn.functional.normalize(window.float(), dim=1) if self.normalize else window.float()

    def _token_ids(self, texts: list[str]) -> TokenIds:
        """Returns the tokenizer of texts for a static embedding."""
        tokenizer = self.model[0].tokenizer
        version = tokenizer, tokenizer.get_vocab_size()
        if self._ids[0] != version:
            self._ids = version, TokenIds(tokenizer)
        self._ids[1].expect(texts)
        return self._ids[1]

    def _version(self) -> tuple:
        return weights_version(self.model), self.model.truncate_dim

    @torch.inference_mode(False)
    def settle(self, texts: list[str], side: Side, batch_size: int) -> None:
        """Makes the chosen layers, or casts the weights, if that is pending; undoes it if the vectors change too much.

        Layers have a copy of the weights, so they are made anew after the model's weights have changed.
        """
        made = self._by_layers
        forked = made is not None and self.layers == 'openvino' and made.process != os.getpid()
        if forked:  # OpenVINO does not survive a fork
            self.library = self.layers = 'torch'
        if forked or (made is not None and made.version != weights_version(self.model)):
            self._by_layers, self.pending = None, True
        if not self.pending or not texts:
            return
        sample = spread_sample(texts[:WINDOW], SAMPLE)
        sample += PROBES[: SAMPLE - len(sample)]

        def encode() -> torch.Tensor:
            with torch.inference_mode():
                return torch.cat(list(self.windows(sample, side, batch_size)))

        training, home, unchanged = self.model[0].training, self.model.device, self._version() == self._loaded
        self.model.eval().to(self.devices[0])
        try:
            self._settle(encode)
            self.pending = False
        finally:
            self.model.train(training).to(home)
            if unchanged:
                self._loaded = self._version()

    def _settle(self, encode: Callable[[], torch.Tensor]) -> None:
        exact = encode() if self._checked or self.layers == 'openvino' else None
        if self.layers == 'openvino':
            try:
                threads = torch.get_num_threads()
                self._make(openvino_layers(self.model[0].model, 'bf16', threads), threads)
                cosine = least_cosine(exact, encode())
                if cosine >= LEAST_COSINE:
                    return
                reason = f'gives other vectors than in float32 (cosine {cosine:.4f})'
            except Exception as error:  # OpenVINO raises many classes, and the user can act on none of them
                reason = f'cannot be compiled ({type(error).__name__}: {str(error).partition(chr(10))[0]:.200})'
            warnings.warn(f'by OpenVINO this model {reason}, so torch computes it', stacklevel=5)
            self._by_layers, self.library, self.layers = None, 'torch', 'torch'
        if self.layers == 'torch':
            self._make(torch_layers(self.model[0].model, self.dtype))
            if not self._checked or stays(exact, encode(), self.dtype):
                return
            self._by_layers, self.layers, self.dtype = None, 'transformers', torch.float32
        else:
            self.dtype = reduce_checked(self.model, self.dtype, exact, encode)

    def _make(self, layers: Layers, threads: int = 1) -> None:
        self._by_layers = ModelByLayers(self.model, layers, threads)
