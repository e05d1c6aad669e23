"""Real CNNs on real images, with an AAT head or a dense one (extra ``cnn``): data, networks, training.

>>> from aat.cnn import Recipe, load, network
>>> digits = load("digits")
>>> network(Recipe(data=digits.name, arch="linear", k=5), digits)[1]
Sequential(
  (0): Flatten(start_dim=1, end_dim=-1)
  (1): AATLinear(in_features=64, out_features=10, bias=True, k=5, backend=...)
)
"""

from aat.errors import InputError

try:
    import lightning.pytorch  # noqa: F401
    import torchvision  # noqa: F401
except ImportError as missing:
    raise InputError(
        f"{missing.name} is not installed; expected what CNNs need; try pip install 'aat-sgd[cnn]'"
    ) from None

from aat.cnn.data import Images, load
from aat.cnn.features import features, save_features
from aat.cnn.models import network
from aat.cnn.train import Result, evaluate, load_network, train
from aat.recipe import Recipe

__all__ = [
    "Images",
    "Recipe",
    "Result",
    "evaluate",
    "features",
    "load",
    "load_network",
    "network",
    "save_features",
    "train",
]
