"""Running a file on a data set through the runtime that users have."""

from __future__ import annotations

from typing import Any

import littoral

from littoral_converters.calibration import Dataset


def outputs_of(content: bytes, data: Dataset) -> dict[str, Any]:
    """A file's outputs on data, as `littoral.load` and `Model.run` give them.

    Args:
        content: The file's bytes.
        data: Inputs by Keras name.

    Returns:
        Arrays by output name, samples along the first axis, real units.

    Raises:
        FormatError: The file does not load.
        EngineError: The engine failed on it.
        InputError: The file does not take these inputs.
    """
    with littoral.load(content) as model:
        names = [spec.name for spec in model.inputs]
        inputs = (
            dict(data.inputs)
            if set(names) == set(data.inputs)
            else dict(zip(names, data.inputs.values(), strict=False))
        )
        results = model.run(inputs)
        if isinstance(results, dict):
            return results
        return {model.outputs[0].name: results}
