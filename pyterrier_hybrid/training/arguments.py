"""The arguments of a training run as one object. It checks them, and says on which of them the weights depend."""
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from numbers import Integral, Real
from operator import index
from typing import TYPE_CHECKING

from pyterrier_hybrid.batches.mixes import Mix, MixSchedule
from pyterrier_hybrid.training.backbones import Backbone, kind_of
from pyterrier_hybrid.training.lengths import given_lengths

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

    from pyterrier_hybrid.training.loggers import Report

#: Arguments that do not influence the weights: a resumed run may change them.
WITHOUT_EFFECT = ('report_to', 'checkpoint_steps', 'resume', 'device', 'verbose')
#: Arguments that need a validation set.
_FOR_VALIDATION = ('eval_steps', 'patience', 'metric_for_best_model', 'load_best_model_at_end')
#: How many evaluations a run has if ``eval_steps`` is None.
_EVALUATIONS = 10
#: The least value of each whole number.
_LEAST = {
    'batch_size': 2, 'steps': 1, 'negatives': 0, 'vocab_size': 1, 'dimension': 1, 'mini_batch_size': 1,
    'eval_steps': 1, 'patience': 1, 'checkpoint_steps': 1, 'seed': 0,
}  # fmt: skip
#: The check of each real number, and its bounds in words.
_BOUNDS: dict[str, tuple[Callable[[float], bool], str]] = {
    'learning_rate': (lambda rate: rate > 0, 'it must be positive (.00003 is usual for transformers)'),
    'weight_decay': (lambda decay: decay >= 0, 'it must be 0 or more (.01 is usual)'),
    'warmup': (lambda share: 0 <= share <= 1, 'it is a share of the steps, from 0 to 1'),
    'temperature': (lambda value: value > 0, 'it divides cosines and must be positive (.05 is usual)'),
    'source_temperature': (lambda value: value >= 0, 'it is 0 (sources alike) to 1 (sources by size), or more'),
    'token_dropout': (lambda probability: 0 <= probability < 1, 'it is a probability, from 0 to below 1'),
}


@dataclass(frozen=True, kw_only=True)
class TrainingArguments:
    """The arguments of :func:`train`, where each is explained.

    Raises:
        ValueError: an argument that no run can use, with the reason. What depends on the pairs is checked later.
    """

    backbone: 'str | os.PathLike | SentenceTransformer'
    mix: Mix
    batch_size: int = 100
    steps: int | None = None
    learning_rate: float | None = None
    weight_decay: float = 1e-2
    warmup: float = 0.1
    temperature: float = 0.05
    source_temperature: float = 1.0
    negatives: int = 0
    query_prefix: str | None = None
    passage_prefix: str | None = None
    max_length: int | Sequence[int] | None = None
    encode_length: int | Sequence[int] | None = None
    vocab_size: int | None = None
    dimension: int | None = None
    token_dropout: float = 0.0
    mini_batch_size: int | None = None
    bf16: bool | str | None = None
    gradient_checkpointing: bool = False
    validation: object = None
    eval_steps: int | None = None
    patience: int | None = None
    metric_for_best_model: str = 'AP'
    load_best_model_at_end: bool | None = None
    report_to: 'Report' = 'none'
    checkpoint_steps: int | None = None
    resume: bool = False
    seed: int = 0
    device: str | None = None
    verbose: bool = True

    def __post_init__(self):
        MixSchedule(self.mix)
        for name in (*_LEAST, *_BOUNDS):
            default = getattr(type(self), name)
            if getattr(self, name) is None and default is not None:
                raise ValueError(f'{name} is None; leave it out for the default, {default}')
        for name, least in _LEAST.items():
            object.__setattr__(self, name, _whole(name, getattr(self, name), least))
        for name, (within, told) in _BOUNDS.items():
            _check_real(name, getattr(self, name), within, told)
        if self.seed >= 1 << 32:
            raise ValueError(f'seed is {self.seed}; it must be below {1 << 32}')
        for name in ('query_prefix', 'passage_prefix'):
            _check_text(name, getattr(self, name))
        if self.bf16 not in (None, True, False, 'auto'):
            raise ValueError(f"bf16 is {self.bf16!r:.80}; it is True, False or 'auto'")
        for name in ('max_length', 'encode_length'):
            given = getattr(self, name)
            if given is not None:
                lengths = given_lengths(given, name)
                object.__setattr__(self, name, lengths[0] if isinstance(given, Integral) else lengths)
        kind_of(self.backbone).check_options(self)
        for name in ('eval_steps', 'patience', 'load_best_model_at_end'):
            value = getattr(self, name)
            if self.validation is None and value not in (None, False):
                raise ValueError(f'{name} is {value}, but there is no validation to go by; give validation= as well')
        if self.eval_steps is not None and self.steps is not None and self.eval_steps > self.steps:
            raise ValueError(f'eval_steps is {self.eval_steps}; it must be at most the {self.steps} steps of the run')

    def resolved(self, epoch: int, backbone: Backbone) -> 'TrainingArguments':
        """Returns the arguments with every None replaced by its default.

        Args:
            epoch: steps of an epoch.
            backbone: the kind of the backbone.
        """
        steps = epoch if self.steps is None else self.steps
        defaults = {
            'steps': epoch, 'learning_rate': backbone.learning_rate, 'query_prefix': backbone.query_prefix,
            'passage_prefix': backbone.passage_prefix, 'bf16': backbone.bf16,
        }  # fmt: skip
        if self.validation is not None:
            defaults.update(
                eval_steps=max(1, steps // _EVALUATIONS), load_best_model_at_end=self.patience is not None
            )
        return replace(self, **{name: value for name, value in defaults.items() if getattr(self, name) is None})

    def settings(self, **contents: object) -> dict[str, object]:
        """Returns everything that the weights depend on, by name, as JSON values, for the record and the checkpoints.

        Args:
            contents: JSON values that replace the arguments which are objects (``backbone``, ``mix``, ``validation``),
                and everything else that the weights depend on.
        """
        left_out = WITHOUT_EFFECT if self.validation is not None else (*WITHOUT_EFFECT, 'validation', *_FOR_VALIDATION)
        return {**{f.name: getattr(self, f.name) for f in fields(self) if f.name not in left_out}, **contents}


def _whole(name: str, value: object, least: int) -> int | None:
    """Returns a whole number as an int, or None for None; raises ValueError for anything else."""
    if value is None:
        return None
    try:
        number = None if isinstance(value, bool) else index(value)
    except TypeError:
        number = None
    if number is None or number < least:
        raise ValueError(f'{name} is {value!r:.80}; it must be a whole number of at least {least}')
    return number


def _check_real(name: str, value: object, within: Callable[[float], bool], told: str) -> None:
    """Raises ValueError unless the value is None or a finite number within its bounds."""
    number = isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
    if value is not None and not (number and within(value)):
        raise ValueError(f'{name} is {value!r:.80}; {told}')


def _check_text(name: str, value: object) -> None:
    """Raises ValueError unless the value is None or a text that a tokenizer can read."""
    try:
        if value is not None:
            value.encode()
    except (AttributeError, UnicodeEncodeError):
        raise ValueError(f'{name} is {value!r:.80}; it must be a text, without half a surrogate pair') from None
