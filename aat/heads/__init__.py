"""Heads that people would use instead of AAT, on the features of one network, and what they hear of it."""

from aat.heads.em_routing import EMRouting
from aat.heads.fit import fit
from aat.heads.sparse import path
from aat.heads.units import Units, units

__all__ = ["EMRouting", "Units", "fit", "path", "units"]
