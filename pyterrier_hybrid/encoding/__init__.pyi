from .backbones import static_backbone as static_backbone
from .compact import small_backbone as small_backbone
from .encoder import HybridEncoder as HybridEncoder
from .presets import PRESETS as PRESETS
from .presets import Preset as Preset
