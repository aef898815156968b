"""Image augmentation, which does nothing at inference, but draws its numbers all the same.

A seed that moves on at every draw is a variable that the frozen graph would write to. What is
drawn is not used, so any fixed seed will do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from littoral_converters.lowering import Plan


def replacements(layer: Any, plan: Plan) -> Mapping[str, object]:
    """A fixed seed for a layer that augments; see `littoral_converters.lowering`."""
    del plan
    if not hasattr(layer, "_get_seed_generator"):
        return {}
    return {"_get_seed_generator": lambda backend=None: 0}
