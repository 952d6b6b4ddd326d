from .index import MultilingualIndex as MultilingualIndex
from .indexer import IndexingMode as IndexingMode
from .indexer import MultilingualIndexer as MultilingualIndexer
from .retriever import ExactRetriever as ExactRetriever
from .scorer import ExactScorer as ExactScorer
