"""The texts that a from-scratch backbone's tokenizer is trained on."""
from collections import Counter
from collections.abc import Iterator


def balanced_texts(pairs, characters: int = 3_000_000) -> Iterator[str]:
    """Texts of a corpus, languages evened out, so that a small one gets its share of the vocabulary.

    Of a language with more than ``characters``, every n-th text is taken, n such that about so many remain.

    Args:
        pairs: a :class:`ParallelPairs`.
        characters: kept for each language, about.

    Yields:
        Texts, in the corpus's order.
    """
    total: Counter[str] = Counter()
    for lang, text in pairs.iter_texts():
        total[lang] += len(text)
    stride = {lang: max(1, -(-n // characters)) for lang, n in total.items()}
    seen: Counter[str] = Counter()
    for lang, text in pairs.iter_texts():
        if seen[lang] % stride[lang] == 0:
            yield text
        seen[lang] += 1
