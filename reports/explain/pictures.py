"""Pictures inside a page: images, and the heat to lay over them where a unit looked."""

from __future__ import annotations

from base64 import b64encode
from io import BytesIO

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

# Pixels a side beyond which an image is shrunk.
_LARGEST = 224
# The heat: its colour, and how much of the image it covers where it is strongest.
_HEAT, _COVER = (255, 96, 0), 0.8


def picture(pixels: UInt8[Tensor, "C H W"]) -> str:
    """An image, of one channel or three, as a PNG in a data URI."""
    array = pixels.permute(1, 2, 0).numpy()
    image = Image.fromarray(array if array.shape[2] == 3 else array[:, :, 0])
    image.thumbnail((_LARGEST, _LARGEST))
    return _uri(image)


def glow(heat: Float[Tensor, "h w"]) -> str:
    """What to lay over an image: opaque where ``heat`` is largest, clear where it is 0, at its own resolution."""
    strongest = float(heat.max())
    share = heat.cpu().numpy() / strongest if strongest > 0 else np.zeros(heat.shape)
    rgba = np.empty((*heat.shape, 4), np.uint8)
    rgba[:, :, :3], rgba[:, :, 3] = _HEAT, np.rint(255 * _COVER * share)
    image = Image.fromarray(rgba)
    image.thumbnail((_LARGEST, _LARGEST))
    return _uri(image)


def _uri(image: Image.Image) -> str:
    content = BytesIO()
    image.save(content, "PNG", optimize=True)
    return f"data:image/png;base64,{b64encode(content.getvalue()).decode()}"
