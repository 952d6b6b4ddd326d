"""The report on an experiment and a study: one page that opens from disk, and its figures as files."""
import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
