"""The training objective: InfoNCE over in-batch passages."""


def info_nce(model, temperature: float):
    """InfoNCE (van den Oord et al., 2018): each query against all passages of its batch.

    The loss of query i is ``-log(exp(s_ii / t) / sum_j exp(s_ij / t))``, s the cosine, t the temperature; the mean over
    the batch (arXiv 2408.10536, section 3.1). It needs no mask, because no passage occurs twice in a batch of
    :class:`HybridBatches`.

    Args:
        model: a ``SentenceTransformer``.
        temperature: divides the cosines; positive.

    Returns:
        A loss module for the sentence-transformers trainer.

    Raises:
        ValueError: a temperature that is not positive.
    """
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

    if not temperature > 0:
        raise ValueError(f'temperature is {temperature}; it divides cosines and must be positive (.05 is usual)')
    return MultipleNegativesRankingLoss(model, scale=1 / temperature)
