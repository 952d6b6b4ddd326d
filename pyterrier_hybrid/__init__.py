"""Dense retrieval across languages for PyTerrier.

*Hybrid* means mixed-language training batches (arXiv 2408.10536) everywhere in this package; it does not mean a mixture
of sparse and dense retrieval.

Importing the package registers the data sets (``datasets_ext``) and the language-bias measures, and loads neither torch
nor scipy; every other public name is loaded when it is first asked for (PEP 562).
"""

import lazy_loader

import datasets_ext  # noqa: F401  (registers the data sets)
from pyterrier_hybrid import measures  # noqa: F401  (registers the measures)

__version__ = '0.1.0'

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__all__ += ['__version__']
