"""Encoding with a model in memory: what an encoder does once its model and settings are known."""
from collections.abc import Callable, Iterable

import numpy as np
import pyterrier as pt
import torch
from pyterrier_dr import BiEncoder
from sentence_transformers import SentenceTransformer

from pyterrier_hybrid.encoding import identity
from pyterrier_hybrid.encoding.devices import survive_forks
from pyterrier_hybrid.encoding.engine import Engine
from pyterrier_hybrid.encoding.modules import adapt, ends_normalized
from pyterrier_hybrid.encoding.presets import Preset
from pyterrier_hybrid.encoding.sides import Side, check_positive, passage_side, query_side
from pyterrier_hybrid.encoding.stages import DocEncoder, QueryEncoder, Scorer
from pyterrier_hybrid.encoding.texts import check_texts


class ModelEncoder(BiEncoder):
    """What :class:`~pyterrier_hybrid.HybridEncoder` is made of, apart from where its model comes from.

    Attributes:
        model: as it computes, its pooling and normalisation replaced where the settings say so.
        normalize: whether vectors are scaled to length 1.
        query, passage: how the texts of each side are read.
    """

    def _set_up(self, model: SentenceTransformer, settings: Preset, batch_size: int, text_field: str, verbose: bool):
        batch_size = check_positive('batch_size', batch_size)
        super().__init__(batch_size=batch_size, text_field=text_field, verbose=verbose)
        self.model = adapt(model, pooling=settings.pooling, normalize=settings.normalize)
        self.normalize = ends_normalized(self.model) if settings.normalize is None else settings.normalize
        self.query = query_side(model, settings.query_prefix, settings.max_query_length)
        self.passage = passage_side(model, settings.passage_prefix, settings.max_passage_length)
        self._engine = Engine(self.model, self.normalize)
        self._identity = (None, '')
        survive_forks()

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

        pyterrier_dr compares encoders by it, and PyTerrier shares the results of equal transformers. It is computed
        when it is first needed (about a second per gigabyte of weights), and again after the weights have changed.
        """
        version = identity.weights_version(self.model), self.model.truncate_dim, self.dtype, self._engine.layers
        if self._identity[0] != version:
            settings = {
                'query': [self.query.prefix, self.query.max_length],
                'passage': [self.passage.prefix, self.passage.max_length],
                'normalize': self.normalize,
                'dtype': str(self.dtype),
                'truncate_dim': self.model.truncate_dim,
            }
            cast_to = self.dtype if self._engine.pending else None
            if self._engine.layers != 'transformers':  # with other layers, the model's weights stay in float32
                settings['layers'], cast_to = self._engine.layers, None
            self._identity = (version, identity.digest(self.model, settings, dtype=cast_to))
        return self._identity[1]

    def recipe(self) -> 'Callable[[], ModelEncoder] | None':
        """Returns a function that makes this encoder in another process; None for a model in memory."""
        return None

    def query_encoder(self, verbose: bool | None = None, batch_size: int | None = None) -> QueryEncoder:
        """A transformer that adds ``query_vec`` to queries."""
        return QueryEncoder(self, verbose=verbose, batch_size=batch_size)

    def doc_encoder(self, verbose: bool | None = None, batch_size: int | None = None) -> DocEncoder:
        """A transformer that adds ``doc_vec`` to documents."""
        return DocEncoder(self, verbose=verbose, batch_size=batch_size)

    def text_scorer(self, verbose: bool | None = None, batch_size: int | None = None, sim_fn=None) -> Scorer:
        """A transformer that scores results by their texts; ``scorer`` is the same."""
        return Scorer(self, verbose=verbose, batch_size=batch_size, sim_fn=sim_fn)

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
        """Returns the given batch size, or the encoder's for None. Raises ValueError if it is not positive."""
        return check_positive('batch_size', self.batch_size if batch_size is None else batch_size)


def _as_list(texts: Iterable[str]) -> list[str]:
    """The texts as a list. Raises ValueError for one string, which iterates by characters."""
    if isinstance(texts, str):
        raise ValueError(f'texts must be several strings, not one: give [{texts[:20]!r}]')
    return list(texts)
