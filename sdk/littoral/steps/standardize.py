"""Numbers to numbers around 0, of a size around 1.

of          data (default): by `mean` and `std`; sample: by those of this sample's own values;
            features: by those of each place of the last axis over all others
mean, std   with of data: one number, or one a place of the last axis
epsilon     with the others: the least deviation to divide by, 1e-6 by default

The value is (x - mean) / std; a deviation is that of the population. It follows any step that
gives numbers. Keras's `Normalization` is of data, with the root of its variance as std.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from littoral.errors import InputError
from littoral.steps._settings import above_zero, divisors, numbers, one_of, optional, setting

ENDINGS: tuple[str, ...] = ()


@dataclass(frozen=True)
class Settings:
    """What a card says of the step; the module's docstring explains each."""

    of: str = setting(one_of("data", "sample", "features"), "data")
    mean: tuple[float, ...] | None = setting(optional(numbers), None)
    std: tuple[float, ...] | None = setting(optional(divisors), None)
    epsilon: float = setting(above_zero, 1e-6)

    def __post_init__(self) -> None:
        """Refuse settings that contradict each other."""
        given = [name for name in ("mean", "std") if getattr(self, name) is not None]
        if (self.of == "data") != (len(given) == 2) or len(given) == 1:
            raise ValueError("mean and std are for of data, which needs both")


def apply(settings: Settings, raw: Any) -> NDArray[np.float32]:
    """Standardize a sample.

    Args:
        settings: The settings.
        raw: Numbers of any shape.

    Returns:
        float32 of the same shape.

    Raises:
        InputError: No numbers, none at all, or another number of features than the card's.
    """
    values = np.asarray(raw)
    if values.dtype.kind not in "buif" or not values.size:
        raise InputError(f"expected numbers, came {values.dtype} {list(values.shape)}")
    values = values.astype(np.float64)
    if settings.mean is not None and settings.std is not None:
        mean, std = np.array(settings.mean), np.array(settings.std)
        for given in (mean, std):
            if len(given) != 1 and values.shape[-1:] != given.shape:
                raise InputError(
                    f"the card has {len(given)} means or deviations, the data {list(values.shape)}"
                )
    else:
        axes = None if settings.of == "sample" else tuple(range(values.ndim - 1))
        mean = values.mean(axis=axes)
        std = np.maximum(values.std(axis=axes), settings.epsilon)
    return np.asarray((values - mean) / std, np.float32)
