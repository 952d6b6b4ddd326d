"""The report: what an experiment and a study found, as one page that opens from disk, and its figures as files."""
from pyterrier_hybrid.lazy import lazy_names

_EXPORTS = {'write_report': 'page'}
__getattr__, __dir__, __all__ = lazy_names(__name__, _EXPORTS)
