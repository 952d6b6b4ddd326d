"""The training objective: InfoNCE over in-batch passages."""
from pyterrier_hybrid.training.processes import count


def info_nce(model, temperature: float, mini_batch_size: int | None = None):
    """InfoNCE (van den Oord et al., 2018): each query against all passages of its batch, and all hard negatives in it.

    The loss of query i is ``-log(exp(s_ii / t) / sum_j exp(s_ij / t))``, s the cosine, t the temperature; the mean over
    the batch (arXiv 2408.10536, section 3.1). It needs no mask, because no passage occurs twice in a batch of
    :class:`HybridBatches`.

    With many processes, the batch is that of all of them: each process compares its own queries with the passages and
    negatives of all. The gradient of a vector is the sum of its gradients in the losses of all processes, and the
    trainer then takes the mean over the processes. The result is the gradient of the mean loss, as if one process had
    the whole batch.

    Args:
        model: a ``SentenceTransformer``.
        temperature: divides the cosines; positive.
        mini_batch_size: encode this many texts at a time (GradCache, Gao et al., RepL4NLP 2021): the same loss and
            gradients in the memory of a small batch, at about twice the time; None encodes the batch at once.

    Returns:
        A loss module for the sentence-transformers trainer.
    """
    from sentence_transformers.sentence_transformer import losses

    shared = {'scale': 1 / temperature, 'gather_across_devices': count() > 1}
    if mini_batch_size is None:
        return losses.MultipleNegativesRankingLoss(model, **shared)
    return losses.CachedMultipleNegativesRankingLoss(model, mini_batch_size=mini_batch_size, **shared)
