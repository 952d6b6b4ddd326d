"""Plans the training batches: kinds, mix, supplies, plan. A batch is a pure function of (seed, step)."""
import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
