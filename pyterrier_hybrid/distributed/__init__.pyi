from .resources import Resources as Resources
from .tasks import on_ray as on_ray
