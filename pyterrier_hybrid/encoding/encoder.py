"""The encoder: texts in any language to vectors, as PyTerrier's dense indexes and retrievers want them."""
import os
import warnings
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pyterrier as pt
import torch
from pyterrier_dr import BiEncoder
from sentence_transformers import SentenceTransformer

from pyterrier_hybrid.encoding import identity
from pyterrier_hybrid.encoding.checkpoint import load_checkpoint, says_its_modules
from pyterrier_hybrid.encoding.devices import resolve_devices, survive_forks
from pyterrier_hybrid.encoding.engine import Engine
from pyterrier_hybrid.encoding.modules import adapt, ends_normalized, has_dense
from pyterrier_hybrid.encoding.precision import DTYPES, resolve_dtype
from pyterrier_hybrid.encoding.presets import Preset, find_preset
from pyterrier_hybrid.encoding.sides import Side, check_positive, passage_side, query_side
from pyterrier_hybrid.encoding.stages import DocEncoder, QueryEncoder
from pyterrier_hybrid.encoding.texts import PROBES, check_texts


class HybridEncoder(BiEncoder):
    """A dense encoder over any sentence-transformers or transformers checkpoint.

    *Hybrid* is for encoders trained on hybrid batches, mixed in languages (arXiv 2408.10536), which this package trains
    and saves; it does not mean sparse plus dense. Any other checkpoint will do. Use it as ``encoder.doc_encoder() >>
    index`` and ``encoder.query_encoder() >> index.retriever()``.

    A parameter left at None is what the preset says, and where that says nothing, what the checkpoint says: a
    sentence-transformers checkpoint brings its modules (pooling, dense layers, normalisation) and prompts, a plain
    transformers checkpoint becomes the mean of its token vectors, with a warning unless its pooling is known.

    Apart from rounding, a vector depends on its text alone. If the tokenizer makes no token of a text (an empty text,
    and a tokenizer that adds no special tokens), its vector is 0. After a fork, the child process computes with one
    thread.

    Args:
        path_or_name: a folder, or a model's name on the Hugging Face hub.
        preset: 'xlm-r', 'labse' or 'mdpr' (:data:`~pyterrier_hybrid.encoding.PRESETS`): implied by the hub's name, to
            be given for a local folder.
        pooling: how token vectors become one: 'cls', 'max', 'mean', 'mean_sqrt_len_tokens', 'weightedmean' or
            'lasttoken'. Refused where the checkpoint has no token vectors, or a trained layer after another pooling.
        normalize: True scales vectors to length 1, so that the dot product is the cosine; False drops the normalisation
            at the end of the checkpoint's modules.
        query_prefix: put before every query. From a checkpoint: its prompt 'query'.
        passage_prefix: put before every passage. From a checkpoint: the first of its prompts 'document', 'passage' and
            'corpus' that is not empty.
        max_query_length: tokens after which a query is cut, prefix and special tokens included.
        max_passage_length: the same for passages.
        batch_size: texts of 128 tokens in a batch: more shorter ones, fewer longer ones. It changes the vectors by
            rounding alone.
        text_field: the documents' column that holds the text.
        device: 'cpu', 'cuda', 'cuda:1' ...; None for CUDA where there is some. Several, such as ``['cuda:0',
            'cuda:1']`` or ``['cpu'] * 4``, are a process each, which loads the checkpoint and encodes windows of texts;
            a script that asks for several needs the guard ``if __name__ == '__main__':``, since every process imports
            it.
        dtype: 'float32', 'bfloat16', 'float16' or 'int8', the precision inside the transformer. 'auto' is bfloat16 on a
            processor with AMX or AVX512-BF16 and on a CUDA device of compute capability 8 or more, else float32. It is
            checked when the first texts are encoded: where the cosine of a vector with the one in float32 is below
            .9995 on a sample of them, the encoder stays in float32, with a warning. 'float32' gives the same vectors on
            all machines, apart from rounding. 'int8', for processors, quantises linear layers, which changes rankings.
            Vectors are always float32. A static embedding always computes in float32.
        library: 'torch' or 'openvino', what computes the transformer's layers. 'auto' is OpenVINO on a processor for
            which dtype='auto' is bfloat16, if it is installed (``pip install pyterrier-hybrid[openvino]``) and the
            layers are those of BERT or XLM-R. It is checked as the precision is; where it fails, torch computes them,
            with a warning.
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

        The model is shared, neither copied nor moved nor cast: when it is trained on, the encoder encodes with the new
        weights, and its ``model_name`` changes with them. Encoding leaves the model in the mode (training or
        evaluation) that it was in.

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

    def _set_up(self, model: SentenceTransformer, settings: Preset, batch_size: int, text_field: str, verbose: bool):
        check_positive('batch_size', batch_size)
        super().__init__(batch_size=batch_size, text_field=text_field, verbose=verbose)
        self.model = adapt(model, pooling=settings.pooling, normalize=settings.normalize)
        self.normalize = ends_normalized(self.model) if settings.normalize is None else settings.normalize
        self.query = query_side(model, settings.query_prefix, settings.max_query_length)
        self.passage = passage_side(model, settings.passage_prefix, settings.max_passage_length)
        self._engine = Engine(self.model, self.normalize)
        self._load: partial | None = None
        self._identity = (None, '')
        survive_forks()

    def __repr__(self) -> str:
        return f'HybridEncoder({self._repr})'

    @property
    def device(self) -> torch.device:
        """Where the model is now. The model of an encoder on several devices stays on the CPU."""
        return self.model.device

    @property
    def devices(self) -> tuple[torch.device, ...]:
        """Where texts are encoded."""
        return self._engine.devices

    @property
    def dtype(self) -> torch.dtype:
        """The precision inside the transformer. Weights are cast to it, or copied into it, at the first texts."""
        return self._engine.dtype

    @property
    def library(self) -> str:
        """What computes the transformer's layers, 'torch' or 'openvino'. Both are checked at the first texts."""
        return self._engine.library

    @property
    def windows_at_once(self) -> int:
        """How many windows of texts the encoder takes at once from a stream."""
        return self._engine.windows_at_once

    @property
    def dimension(self) -> int:
        """The length of the vectors."""
        full = self.model.get_embedding_dimension()
        return full if self.model.truncate_dim is None else min(full, self.model.truncate_dim)

    @property
    def model_name(self) -> str:
        """A digest of the weights and of every parameter that changes a vector.

        pyterrier_dr compares encoders by it, and PyTerrier shares what compares equal. Computed when first asked for
        (about a second a gigabyte of weights) and again after the weights have changed.
        """
        version = identity.weights_version(self.model), self.dtype, self._engine.layers
        if self._identity[0] != version:
            settings = {
                'query': [self.query.prefix, self.query.max_length],
                'passage': [self.passage.prefix, self.passage.max_length],
                'normalize': self.normalize,
                'dtype': str(self.dtype),
                'truncate_dim': self.model.truncate_dim,
            }
            cast_to = self.dtype if self._engine.pending else None
            if self._engine.layers != 'transformers':  # beside which the model's weights stay in float32
                settings['layers'], cast_to = self._engine.layers, None
            self._identity = (version, identity.digest(self.model, settings, dtype=cast_to))
        return self._identity[1]

    def recipe(self) -> 'Callable[[], HybridEncoder] | None':
        """What makes this encoder in another process, which reads the checkpoint itself; None for a model in memory.

        The precision and the library are those in use here, also where 'auto' has chosen them, which is checked before
        on a few texts; the device is chosen there.
        """
        if self._load is None:
            return None
        self._engine.settle(PROBES, self.passage, self.batch_size)
        how = {'dtype': next(name for name, dtype in DTYPES.items() if dtype == self.dtype), 'library': self.library}
        return partial(self._load, **how, batch_size=self.batch_size, text_field=self.text_field)

    def query_encoder(self, verbose: bool | None = None, batch_size: int | None = None) -> QueryEncoder:
        """A transformer that adds ``query_vec`` to queries."""
        return QueryEncoder(self, verbose=verbose, batch_size=batch_size)

    def doc_encoder(self, verbose: bool | None = None, batch_size: int | None = None) -> DocEncoder:
        """A transformer that adds ``doc_vec`` to documents."""
        return DocEncoder(self, verbose=verbose, batch_size=batch_size)

    def encode_queries(
        self, texts: Iterable[str], batch_size: int | None = None, *, verbose: bool | None = None
    ) -> np.ndarray:
        """Encodes queries.

        Args:
            texts: n queries.
            batch_size: None for the encoder's.
            verbose: None for the encoder's.

        Returns:
            float32, (n, d), one row a query in the order given; (0, d) for no query.

        Raises:
            ValueError: a query that is empty or not a string, with its position.
        """
        texts = _as_list(texts)
        check_texts(texts, 'query', empty=False)
        return self.encode_side(texts, self.query, batch_size, verbose)

    def encode_docs(
        self, texts: Iterable[str], batch_size: int | None = None, *, verbose: bool | None = None
    ) -> np.ndarray:
        """Encodes passages; as :meth:`encode_queries`, but an empty passage is allowed.

        Returns:
            float32, (n, d), one row a passage in the order given; (0, d) for no passage.

        Raises:
            ValueError: a passage that is not a string, with its position.
        """
        texts = _as_list(texts)
        check_texts(texts, 'document')
        return self.encode_side(texts, self.passage, batch_size, verbose)

    def encode_queries_torch(self, texts: Iterable[str], batch_size: int | None = None) -> torch.Tensor:
        """Encodes queries with gradients, in the mode the model is in.

        Returns:
            float32, (n, d), on the encoder's device.
        """
        texts = _as_list(texts)
        check_texts(texts, 'query', empty=False)
        batch_size = self._checked(batch_size)
        self._engine.settle(texts, self.query, batch_size)
        windows = list(self._engine.windows(texts, self.query, batch_size))
        return torch.cat(windows) if windows else torch.empty((0, self.dimension), device=self.device)

    def encode_side(
        self, texts: list[str], side: Side, batch_size: int | None = None, verbose: bool | None = None
    ) -> np.ndarray:
        """Encodes texts that have been checked, read as ``self.query`` or ``self.passage``; (n, d) float32."""
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        batch_size, training = self._checked(batch_size), self.model[0].training
        self.model.eval()
        show = self.verbose if verbose is None else verbose
        bar = pt.tqdm(total=len(texts), desc=f'Encoding ({side.task})', unit='text', disable=not show)
        try:
            self._engine.settle(texts, side, batch_size)
            with torch.inference_mode(), bar:
                done = 0
                for window in self._engine.encode(texts, side, batch_size, bar.update, self.recipe):
                    vectors[done : done + len(window)] = window
                    done += len(window)
        finally:
            self.model.train(training)
        return vectors

    def _checked(self, batch_size: int | None) -> int:
        """The encoder's batch size where none is given."""
        batch_size = self.batch_size if batch_size is None else batch_size
        check_positive('batch_size', batch_size)
        return batch_size


def _as_list(texts: Iterable[str]) -> list[str]:
    """The texts as a list. One string is refused: it would be read as so many texts of one character."""
    if isinstance(texts, str):
        raise ValueError(f'texts must be several strings, not one: give [{texts[:20]!r}]')
    return list(texts)
