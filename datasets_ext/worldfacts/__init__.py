"""worldfacts: an embedded collection in 11 languages, with questions, passages and training pairs."""
from datasets_ext.worldfacts.collection import (
    asked_cells,
    documents,
    judgements,
    load,
    pairs,
    questions,
    register,
    training_pairs,
)

__all__ = ['asked_cells', 'documents', 'judgements', 'load', 'pairs', 'questions', 'register', 'training_pairs']
