from .building import build_index as build_index
from .resources import Resources as Resources
from .searching import RayIndex as RayIndex
from .searching import RayRetriever as RayRetriever
from .tasks import on_ray as on_ray
