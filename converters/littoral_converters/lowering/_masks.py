"""Masks of a softmax as sums and products: TFLite's choices run outside of XNNPACK."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

LARGE_NEGATIVE = float(-0.7 * np.finfo(np.float32).max)
"""What Keras puts in place of a masked score. Added to a score it absorbs it: the same value."""


def hidden(scores: Any, seen: Any) -> Any:
    """Scores of which those not seen vanish in a softmax.

    Args:
        scores: float32.
        seen: 1 for scores that count and 0 for the others, float32, to be spread over the scores.
    """
    bias = (1 - seen) * LARGE_NEGATIVE
    known = tf.get_static_value(bias)
    return scores + (bias if known is None else tf.constant(known))


def zeroed(shares: Any, seen: Any, axis: int | tuple[int, ...] = -1) -> Any:
    """What a softmax along axes made of hidden scores, 0 also where all along them are hidden."""
    known = tf.get_static_value(seen)
    if known is None:
        return shares * seen
    spread = known.reshape((1,) * (shares.shape.rank - known.ndim) + known.shape)
    return shares if spread.any(axis).all() else shares * seen
