"""The encoder: texts in any language to vectors, as PyTerrier's dense indexes and retrievers want them."""
import os
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import torch
from sentence_transformers import SentenceTransformer

from pyterrier_hybrid.encoding.checkpoint import load_checkpoint, says_its_modules
from pyterrier_hybrid.encoding.devices import resolve_devices
from pyterrier_hybrid.encoding.model_encoder import ModelEncoder
from pyterrier_hybrid.encoding.modules import has_dense
from pyterrier_hybrid.encoding.precision import DTYPES, resolve_dtype, same_weights
from pyterrier_hybrid.encoding.presets import Preset, find_preset
from pyterrier_hybrid.encoding.texts import PROBES


class HybridEncoder(ModelEncoder):
    """A dense encoder over any sentence-transformers or transformers checkpoint.

    *Hybrid* is for encoders trained on hybrid batches, mixed in languages (arXiv 2408.10536), which this package trains
    and saves; it does not mean sparse plus dense. Any other checkpoint will do. Use it as ``encoder.doc_encoder() >>
    index`` and ``encoder.query_encoder() >> index.retriever()``.

    A parameter that is None takes the preset's value, or the checkpoint's value if the preset has none. A
    sentence-transformers checkpoint has modules (pooling, dense layers, normalisation) and prompts. For a plain
    transformers checkpoint, the encoder takes the mean of the token vectors, with a warning unless the preset or
    ``pooling`` says otherwise.

    Apart from rounding, a vector depends on its text alone. If the tokenizer makes no token of a text (an empty text,
    and a tokenizer that adds no special tokens), its vector is 0. After a fork, the child process computes with one
    thread.

    Args:
        path_or_name: a folder, or a model's name on the Hugging Face hub.
        preset: 'xlm-r', 'labse' or 'mdpr' (:data:`~pyterrier_hybrid.encoding.PRESETS`): the hub's name implies it; give
            it for a local folder.
        pooling: how token vectors become one: 'cls', 'max', 'mean', 'mean_sqrt_len_tokens', 'weightedmean' or
            'lasttoken'. Refused where the checkpoint has no token vectors, or a trained layer after another pooling.
        normalize: True scales vectors to length 1, so that the dot product is the cosine; False drops the normalisation
            at the end of the checkpoint's modules.
        query_prefix: put before every query. From a checkpoint: its prompt 'query'.
        passage_prefix: put before every passage. From a checkpoint: the first of its prompts 'document', 'passage' and
            'corpus' that is not empty.
        max_query_length: tokens after which a query is cut, prefix and special tokens included.
        max_passage_length: the same for passages.
        batch_size: texts in a batch, if they have 128 tokens; a batch has more short texts, and fewer long ones. It
            changes vectors only by rounding.
        text_field: the documents' column that holds the text.
        device: 'cpu', 'cuda', 'cuda:1' ...; None for CUDA if there is one. For each of several devices, such as
            ``['cuda:0', 'cuda:1']`` or ``['cpu'] * 4``, a process loads the checkpoint and encodes windows of texts. A
            script that asks for several needs the guard ``if __name__ == '__main__':``, since every process imports it.
        dtype: 'float32', 'bfloat16', 'float16' or 'int8', the precision inside the transformer. 'auto' is bfloat16 on a
            processor with AMX or AVX512-BF16 and on a CUDA device of compute capability 8 or more, else float32. It is
            checked when the first texts are encoded: if, on a sample of them, the cosine of a vector with its float32
            vector is below .9995, the encoder stays in float32, with a warning. 'float32' gives the same vectors on all
            machines, apart from rounding. 'int8', for processors, quantises linear layers, which changes rankings.
            Vectors are always float32. A static embedding always computes in float32.
        library: 'torch' or 'openvino', which computes the transformer's layers. 'auto' is OpenVINO on a processor for
            which dtype='auto' is bfloat16, if it is installed (``pip install pyterrier-hybrid[openvino]``) and the
            layers are those of BERT or XLM-R. It is checked like the precision; if the check fails, torch computes the
            layers, with a warning.
        verbose: whether to show progress bars.

    Attributes:
        folder: of the checkpoint; None for a model from the hub or in memory.

    Warns:
        UserWarning: a precision that the device has no hardware for.

    Raises:
        FileNotFoundError: no checkpoint there, neither as a folder nor in the local cache nor on the hub.
        ValueError: a checkpoint that cannot be read; an unknown preset, pooling or dtype; a parameter that contradicts
            the checkpoint.
    """

    def __init__(
        self,
        path_or_name: str | os.PathLike,
        *,
        preset: str | None = None,
        pooling: str | None = None,
        normalize: bool | None = None,
        query_prefix: str | None = None,
        passage_prefix: str | None = None,
        max_query_length: int | None = None,
        max_passage_length: int | None = None,
        batch_size: int = 32,
        text_field: str = 'text',
        device: str | torch.device | Sequence[str | torch.device] | None = None,
        dtype: str = 'auto',
        library: str = 'auto',
        verbose: bool = False,
    ):
        name = os.fspath(path_or_name)
        given = {
            'pooling': pooling, 'normalize': normalize, 'query_prefix': query_prefix, 'passage_prefix': passage_prefix,
            'max_query_length': max_query_length, 'max_passage_length': max_passage_length,
        }  # fmt: skip
        settings = find_preset(preset, name).override(**given)
        if library not in ('auto', 'torch', 'openvino'):
            raise ValueError(f'unknown library {library!r}; give one of auto, torch, openvino')
        devices = resolve_devices(device)
        precision = resolve_dtype(dtype, devices)
        model = load_checkpoint(name, verbose=verbose)
        if settings.dense and not has_dense(model):
            raise ValueError(
                f'{name} lacks the dense layer that its preset calls for: give the sentence-transformers checkpoint, '
                'the folder with a modules.json, or another preset'
            )
        if settings.pooling is None and not says_its_modules(name):
            warnings.warn(
                f'{name} is a plain transformers checkpoint, which does not say how its token vectors become one: the '
                "mean is taken. Give pooling='mean', or the pooling that it was trained with",
                stacklevel=2,
            )
        self._set_up(model, settings, batch_size, text_field, verbose)
        folder = Path(name).expanduser()
        self.folder = folder.absolute() if folder.is_dir() else None
        self._engine.place(devices, precision, checked=dtype == 'auto', library=library)
        self._load = partial(type(self), str(self.folder or name), preset=preset, **given)
        told = {'preset': preset, **given, 'dtype': dtype, 'library': library}
        self._repr = ', '.join([repr(name), *(f'{k}={v!r}' for k, v in told.items() if v not in (None, 'auto'))])

    @classmethod
    def from_model(
        cls,
        model: SentenceTransformer,
        *,
        pooling: str | None = None,
        normalize: bool | None = None,
        query_prefix: str | None = None,
        passage_prefix: str | None = None,
        max_query_length: int | None = None,
        max_passage_length: int | None = None,
        batch_size: int = 32,
        text_field: str = 'text',
        verbose: bool = False,
    ) -> 'HybridEncoder':
        """An encoder over a model in memory, such as one in training.

        The model is shared, neither copied nor moved nor cast. If it is trained further, the encoder encodes with the
        new weights, and its ``model_name`` changes. The encoder does not notice a write to a weight's ``.data``, and
        keeps its ``model_name``: write to the weight itself, within ``torch.no_grad()``. Encoding leaves the model in
        the mode (training or evaluation) that it was in.

        Args:
            model: a sentence-transformers model; its ``prompts`` are the prefixes unless these are given.

        The other parameters and the errors are those of the class.
        """
        encoder = cls.__new__(cls)
        settings = Preset().override(
            pooling=pooling, normalize=normalize, query_prefix=query_prefix, passage_prefix=passage_prefix,
            max_query_length=max_query_length, max_passage_length=max_passage_length,
        )  # fmt: skip
        encoder._set_up(model, settings, batch_size, text_field, verbose)
        encoder.folder = encoder._load = None
        encoder._repr = f'<{type(model[0]).__name__} in memory>'
        return encoder

    def __repr__(self) -> str:
        return f'HybridEncoder({self._repr})'

    def in_float32(self) -> 'HybridEncoder':
        """Returns this encoder if it computes in float32, else a new one that reads the checkpoint in float32.

        The new one has this one's settings. Raises ValueError for a model in memory in another precision, and for
        weights that are no longer those of the checkpoint.
        """
        if self.dtype == torch.float32:
            return self
        if self._load is None:
            raise ValueError(f'{self} computes in {self.dtype}; make the encoder from a model in float32')
        how = {'batch_size': self.batch_size, 'text_field': self.text_field, 'verbose': self.verbose}
        full = self._load(device=self.devices, dtype='float32', **how)
        full.query, full.passage, full.model.truncate_dim = self.query, self.passage, self.model.truncate_dim
        if not same_weights(self.model, full.model):
            raise ValueError(
                f'{self} computes in {self.dtype}, and its weights have changed since its checkpoint was read; save '
                "the model, and open that as HybridEncoder(..., dtype='float32')"
            )
        return full

    def recipe(self) -> 'Callable[[], HybridEncoder] | None':
        """Returns a function that makes this encoder in another process; None for a model in memory.

        The function reads the checkpoint, and chooses the device there. Precision and library are those in use here: if
        'auto' has chosen them, they are checked first, on a few texts.
        """
        if self._load is None:
            return None
        self._engine.settle(PROBES, self.passage, self.batch_size)
        how = {'dtype': next(name for name, dtype in DTYPES.items() if dtype == self.dtype), 'library': self.library}
        return partial(self._load, **how, batch_size=self.batch_size, text_field=self.text_field)
