"""The table of losses, one a file: second moment G, smoothness L, convexity, and the error of smoothing."""

from theory.heads import HEAD_CURVATURE, HEAD_NORM
from theory.losses.bilinear import BILINEAR_WEAKLY_CONVEX
from theory.losses.log_cosh import LOG_COSH_CURVATURE, LOG_COSH_CURVATURE_BELOW, LOG_COSH_NORM
from theory.losses.logistic import LOGISTIC_CURVATURE, LOGISTIC_CURVATURE_BELOW, LOGISTIC_NORM
from theory.losses.monotone import MONOTONE_CONVEX
from theory.losses.ridge import RIDGE_CONVEX, RIDGE_CURVATURE
from theory.losses.routing import ROUTING_CONVEX, ROUTING_NORM
from theory.losses.smoothing_error import LIPSCHITZ_ERROR, MONOTONE_ERROR, SOFTMAX_ERROR, SOFTMAX_ERROR_BELOW
from theory.losses.softmax import SOFTMAX_CURVATURE, SOFTMAX_CURVATURE_BELOW, SOFTMAX_NORM

CLAIMS = (
    HEAD_NORM,
    ROUTING_NORM,
    LOGISTIC_NORM,
    SOFTMAX_NORM,
    LOG_COSH_NORM,
    HEAD_CURVATURE,
    LOGISTIC_CURVATURE,
    LOGISTIC_CURVATURE_BELOW,
    SOFTMAX_CURVATURE,
    SOFTMAX_CURVATURE_BELOW,
    LOG_COSH_CURVATURE,
    LOG_COSH_CURVATURE_BELOW,
    RIDGE_CURVATURE,
    ROUTING_CONVEX,
    MONOTONE_CONVEX,
    BILINEAR_WEAKLY_CONVEX,
    RIDGE_CONVEX,
    LIPSCHITZ_ERROR,
    MONOTONE_ERROR,
    SOFTMAX_ERROR,
    SOFTMAX_ERROR_BELOW,
)

__all__ = ["CLAIMS"]
