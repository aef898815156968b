"""The data that a model is prepared on, and what Keras answers on it."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from littoral.card import Card
from littoral.errors import ConversionError
from littoral.tensors import TensorSpec

from littoral_converters.answers import keras_outputs
from littoral_converters.calibration import Dataset, invented, read, reading
from littoral_converters.verification import Outputs

if TYPE_CHECKING:
    from littoral_converters.preparation import Request
    from littoral_converters.signature import Signature

INVENTED_SAMPLES = 16
REPRESENTATIVE = "representative data"
EVALUATION = "evaluation data"
"""What messages call data."""


def datasets(
    model: Any, specs: Sequence[TensorSpec], request: Request, card: Card | None
) -> tuple[Dataset | None, Dataset]:
    """The representative data, and what to compare on: evaluation data, else that, else random.

    Args:
        model: The model, whose vocabulary bounds random integers.
        specs: Its inputs.
        request: What was given.
        card: How its file says that raw data becomes its inputs; None when it does not.

    Raises:
        InputError: Data does not fit the model.
    """
    representative = evaluation = None
    if request.representative_data is not None:
        data = reading.arrays(request.representative_data, card, specs, REPRESENTATIVE)
        representative = read(data, specs, REPRESENTATIVE)
    if request.evaluation_data is not None:
        data = reading.arrays(request.evaluation_data, card, specs, EVALUATION)
        evaluation = read(data, specs, EVALUATION, request.needs_labels)
    elif representative is not None:
        evaluation = Dataset(representative.inputs)
    else:
        evaluation = next(invented(specs, INVENTED_SAMPLES, _vocabulary(model)))
    return representative, evaluation


def answered(
    model: Any, signature: Signature, request: Request, data: Dataset
) -> tuple[Dataset, Outputs]:
    """Data and Keras's outputs on it: on other data than was invented where Keras fails on that.

    Args:
        model: The model.
        signature: Its inputs and outputs.
        request: What was given.
        data: From `datasets`.

    Raises:
        ConversionError: Keras fails on what was given, or on all that can be invented.
    """
    try:
        return data, keras_outputs(model, signature, data)
    except ConversionError:
        if request.evaluation_data is not None or request.representative_data is not None:
            raise
        others = invented(signature.inputs, INVENTED_SAMPLES, _vocabulary(model))
        for other in itertools.islice(others, 1, None):
            with contextlib.suppress(ConversionError):
                return other, keras_outputs(model, signature, other)
        raise


def agree(one: Outputs, other: Outputs) -> bool:
    """Whether a model said the same twice, but for what the order of sums makes of it."""
    return list(one) == list(other) and all(
        values.shape == other[name].shape
        and np.allclose(values, other[name], rtol=1e-3, atol=1e-4, equal_nan=True)
        for name, values in one.items()
    )


def _vocabulary(model: Any) -> int:
    """Integers below this are safe for every table that the model looks them up in."""
    import keras

    tables = [
        layer.input_dim
        for layer in model._flatten_layers(include_self=False, recursive=True)
        if isinstance(layer, keras.layers.Embedding)
    ]
    return min(tables, default=2)
