"""Which file of a format to ship: the fastest by measurement, never one that float32 beats.

What int8 gains depends on the model and on the processor, so it is not guessed from the scheme: the
files run in turn, as users run them, and a file must be faster than float32 beyond doubt.
"""

from __future__ import annotations

from collections.abc import Mapping

import littoral
from littoral.measuring import measure_interleaved

from littoral_converters.calibration import Dataset

FLOAT = "float32"
SECONDS = 0.3
"""Of timed calls, for each file."""

MIN_GAIN = 0.03
"""A file must take at least this share less time than float32: below, it is a draw."""


def recommended(contents: Mapping[str, bytes], data: Dataset) -> str:
    """The scheme to ship.

    Args:
        contents: Files of one format by scheme, float32 among them.
        data: Samples to run on, by Keras input name.

    Returns:
        The scheme whose file takes the least time, where the 95% interval of its ratio to float32
        lies below 1; otherwise ``"float32"``.

    Raises:
        ModelError: A file does not load.
        EngineError: The engine failed on one.
    """
    sample = {name: values[:1] for name, values in data.inputs.items()}
    models = [littoral.load(content) for content in contents.values()]
    try:
        names = [spec.name for spec in models[0].inputs]
        inputs = dict(zip(names, sample.values(), strict=True)) if len(names) == 1 else sample
        found = measure_interleaved(models, data=inputs, duration_s=SECONDS, cold_starts=0)
    finally:
        for model in models:
            model.close()
    measured = dict(zip(contents, found, strict=True))
    best, least = FLOAT, 1 - MIN_GAIN
    for scheme, measurement in measured.items():
        ratio = measurement.ratio_to(measured[FLOAT])
        surely = ratio.high is not None and ratio.high < 1
        if scheme != FLOAT and surely and ratio.value < least:
            best, least = scheme, ratio.value
    return best
