"""What the classifier of a trained network hears of images: data on which the simulation runs, convex in the head."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from aat.cnn.splits import Split
from aat.explain.probe import Probe
from aat.files import write_whole
from aat.typed import typed

_BATCH = 256


@typed
def features(network: nn.Module, split: Split) -> Float[Tensor, "N n"]:
    """The inputs of the classifier, the last nn.Linear of the network, for all images of a split.

    Raises:
        InputError: there is no such layer, or it does not hear one vector for each image.
    """
    probe, every = Probe(network), torch.arange(len(split.labels)).split(_BATCH)
    return torch.cat([probe(split.batch(some.tolist())).features.cpu() for some in every])


@typed
def save_features(file: Path, network: nn.Module, split: Split) -> None:
    """Write them as ``x``, and the labels as ``y``, in NumPy's ``.npz``: data for ``aat verify --data``."""
    content = io.BytesIO()
    np.savez_compressed(content, x=features(network, split).double().numpy(), y=split.labels.numpy())
    write_whole(file, content.getbuffer())
