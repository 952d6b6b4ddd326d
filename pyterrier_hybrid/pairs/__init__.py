"""The parallel corpus: question-passage pairs and parallel texts in many languages, memory-mapped."""
import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
