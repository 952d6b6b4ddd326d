from .analysis import analyse as analyse
from .index import BM25Index as BM25Index
from .retriever import BM25Retriever as BM25Retriever
