"""Settings of published encoders, each with its source.

A preset replaces parameters that the caller left at None; if it has None itself, the checkpoint's value counts. The
checkpoint's name on the hub implies a preset; for a local folder, give its name.
"""
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path


@dataclass(frozen=True)
class Preset:
    """How to use a published encoder. A field that is None takes the checkpoint's value.

    Attributes:
        hub_names: the checkpoints on the Hugging Face hub that imply this preset, as shell patterns.
        pooling: how token vectors become one vector, by sentence-transformers' name.
        normalize: whether vectors are scaled to length 1.
        query_prefix: put before every query.
        passage_prefix: put before every passage.
        max_query_length: longest query in tokens, special tokens and prefix included.
        max_passage_length: longest passage in tokens, special tokens and prefix included.
        dense: whether the checkpoint is only complete with a dense layer after the pooling.
    """

    hub_names: tuple[str, ...] = ()
    pooling: str | None = None
    normalize: bool | None = None
    query_prefix: str | None = None
    passage_prefix: str | None = None
    max_query_length: int | None = None
    max_passage_length: int | None = None
    dense: bool = False

    def override(self, **given: object) -> 'Preset':
        """Returns these settings, replaced by those given that are not None."""
        return replace(self, **{name: value for name, value in given.items() if value is not None})


PRESETS = {
    # Elmahdy, Lin and Ahmad (arXiv 2408.10536): the prefixes and cosine scores. The paper does not state the pooling or
    # the lengths: the mean is sentence-transformers' default for a plain checkpoint, the lengths stay the checkpoint's.
    'xlm-r': Preset(
        hub_names=(
            'xlm-roberta-base', 'xlm-roberta-large', 'FacebookAI/xlm-roberta-base', 'FacebookAI/xlm-roberta-large',
        ),
        pooling='mean', normalize=True, query_prefix='Query: ', passage_prefix='Passage: ',
    ),
    # Feng et al. (ACL 2022, section 2): the last layer's [CLS] vector, through a dense tanh layer, scaled to length 1.
    # All of it, and the length of 256 tokens, is in the sentence-transformers checkpoint. Published without prefixes:
    # those of arXiv 2408.10536 belong to its fine-tuned encoders, which carry them as prompts.
    'labse': Preset(
        hub_names=('sentence-transformers/LaBSE', 'LaBSE'), query_prefix='', passage_prefix='', dense=True,
    ),
    # Zhang et al. (TOIS 2023, "Toward Best Practices for Training Multilingual Dense Retrieval Models"), as Pyserini
    # runs it on Mr. TyDi and MIRACL (pyserini.encode, AutoQueryEncoder and AutoDocumentEncoder): one multilingual BERT
    # for both sides, the [CLS] vector, dot product, no prefix; passages cut at 256 tokens, queries only at the model's
    # 512. Those indexes hold "title text"; to compare with them, encode that. All of Castorini's mDPR checkpoints are
    # [CLS] encoders. Those with "tied" in the name serve both sides; of the others, one is for questions
    # (mdpr-question-nq) and one for passages.
    'mdpr': Preset(
        hub_names=('castorini/mdpr-*',),
        pooling='cls', normalize=False, query_prefix='', passage_prefix='', max_query_length=512,
        max_passage_length=256,
    ),
}  # fmt: skip


def find_preset(preset: str | None, path_or_name: str) -> Preset:
    """Returns the preset asked for, else the one the hub's name implies, else one that leaves all to the checkpoint.

    A folder's name implies none.

    Raises ValueError if :data:`PRESETS` has none of that name.
    """
    if preset is not None:
        if preset not in PRESETS:
            raise ValueError(f'unknown preset {preset!r}; there are {", ".join(PRESETS)}')
        return PRESETS[preset]
    if Path(path_or_name).expanduser().exists():
        return Preset()
    named = (p for p in PRESETS.values() if any(fnmatchcase(path_or_name, pattern) for pattern in p.hub_names))
    return next(named, Preset())
