"""O1–O12: what the rates need to know of the operator s_K and of its smoothings, one result a file."""

from theory.operator.curvature import O7, O9
from theory.operator.entropic import O6, O6_ATTAINED, O6_BELOW, O6_DUAL, O6_PLAIN
from theory.operator.lipschitz import O3, O3_NORM
from theory.operator.mask_under_gap import O10, O10_ONE, O10_QUADRATIC
from theory.operator.nonconvexity import O11, O11_WEAK
from theory.operator.quadratic import O8, O8_BELOW
from theory.operator.spread_under_gap import O10_SPREAD, O12_SPREAD
from theory.operator.subgradient import O4, O4_SHARP
from theory.operator.support_function import O1
from theory.operator.threshold import O2, O2_ATTAINED, O2_EXCESS
from theory.operator.value_under_gap import O12, O12_QUADRATIC
from theory.operator.width import O5, O5_CONCAVE, O5_DENSE, O5_MAXIMUM

CLAIMS = (
    O1,
    O2,
    O2_ATTAINED,
    O2_EXCESS,
    O3,
    O3_NORM,
    O4,
    O4_SHARP,
    O5,
    O5_CONCAVE,
    O5_DENSE,
    O5_MAXIMUM,
    O6,
    O6_ATTAINED,
    O6_BELOW,
    O6_DUAL,
    O6_PLAIN,
    O7,
    O8,
    O8_BELOW,
    O9,
    O10,
    O10_ONE,
    O10_QUADRATIC,
    O10_SPREAD,
    O11,
    O11_WEAK,
    O12,
    O12_QUADRATIC,
    O12_SPREAD,
)

__all__ = ["CLAIMS"]
