from .index import MultilingualIndex as MultilingualIndex
from .indexer import MultilingualIndexer as MultilingualIndexer
from .modes import IndexingMode as IndexingMode
from .retriever import ExactRetriever as ExactRetriever
from .scorer import ExactScorer as ExactScorer
