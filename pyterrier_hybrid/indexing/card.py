"""What the card of a dense index says."""
from collections.abc import Mapping

from pyterrier_hybrid.cards import Card


def dense_card(name: str, meta: Mapping, languages: Mapping[str, int], notes: Mapping) -> Card:
    """The card of a dense index: ``languages`` counts documents, ``notes`` are what ``annotate`` recorded."""
    encoder, precision = meta.get('encoder') or notes.get('encoder') or {}, meta.get('precision', 'float32')
    facts = {
        'encoder': f'`{encoder["name"]}`' if encoder else 'not recorded',
        **({'encoder, digest': f'`{encoder["model"]}`'} if 'model' in encoder else {}),
        'vectors': f'{meta["vec_size"]:,} numbers, stored as {precision}; the score is the dot product',
        'fingerprint': f'`{meta.get("fingerprint", "none")}`',
    }
    made = [
        'from pyterrier_hybrid import HybridEncoder, MultilingualIndex', '',
        *([f'encoder = {encoder["name"]}'] if encoder else ['# encoder: not recorded']),
        f'index = MultilingualIndex({name!r}).indexer(precision={precision!r}, encoder=encoder)',
        '(encoder.doc_encoder() >> index).index(passages)  # dicts with docno, text and lang',
    ]  # fmt: skip
    use = [
        'index.languages()',
        'everywhere = encoder.query_encoder() >> index.retriever(100)  # the encoder that is named above',
        f'in_one = encoder.query_encoder() >> index.retriever(100, langs={next(iter(languages))!r})',
    ]
    what = f'A dense index of {sum(languages.values()):,} passages in {len(languages)} languages, for pyterrier-hybrid.'
    return Card(
        what=notes.get('description') or what, languages=languages, facts=facts, use=use, result=notes.get('result'),
        made=[notes['command']] if notes.get('command') else made, shell=bool(notes.get('command')),
    )  # fmt: skip
