"""Pictures inside a page: images, and veils that leave open where a unit looked."""

from __future__ import annotations

from base64 import b64encode
from io import BytesIO

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

# Pixels a side beyond which an image is shrunk.
_LARGEST = 224
# The veil: a light grey, and how much of it covers what a unit did not look at.
_VEIL, _COVER = 225, 0.86


def picture(pixels: UInt8[Tensor, "C H W"]) -> str:
    """An image, of one channel or three, as a PNG in a data URI."""
    array = pixels.permute(1, 2, 0).numpy()
    image = Image.fromarray(array if array.shape[2] == 3 else array[:, :, 0])
    image.thumbnail((_LARGEST, _LARGEST))
    return _uri(image)


def veil(heat: Float[Tensor, "h w"]) -> str:
    """What to lay over an image: open where ``heat`` is largest, closed where it is 0, at its own resolution."""
    strongest = float(heat.max())
    open_ = heat.cpu().numpy() / strongest if strongest > 0 else np.zeros(heat.shape)
    rgba = np.full((*heat.shape, 4), _VEIL, np.uint8)
    rgba[:, :, 3] = np.rint(255 * _COVER * (1 - open_))
    image = Image.fromarray(rgba)
    image.thumbnail((_LARGEST, _LARGEST))
    return _uri(image)


def _uri(image: Image.Image) -> str:
    content = BytesIO()
    image.save(content, "PNG", optimize=True)
    return f"data:image/png;base64,{b64encode(content.getvalue()).decode()}"
