"""What Keras answers: the numbers that every file is compared with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from littoral.errors import ConversionError, LittoralError
from numpy.typing import NDArray

from littoral_converters.calibration import Dataset

KERAS_BATCH = 256


def keras_outputs(model: Any, signature: Any, data: Dataset) -> dict[str, NDArray[Any]]:
    """A model's outputs on data.

    Args:
        model: A Keras model.
        signature: Its inputs and outputs, see `littoral_converters.signature`.
        data: What goes in.

    Returns:
        By output name, in Keras's order, samples along the first axis.

    Raises:
        ConversionError: The model fails on the data, or returns another number of outputs than it
            declares.
    """
    import keras

    call: Any = partial(signature.call, model)
    has_bytes = any("int8" in spec.dtype for spec in signature.inputs)
    if (has_bytes or signature.batch) and keras.backend.backend() == "tensorflow":
        # Called outside of a graph, a resizing of bytes rounds to bytes: not so in `predict`; and
        # many small batches take long.
        call = _in_graph(call)
    parts: list[list[NDArray[Any]]] = []
    batch = signature.batch or KERAS_BATCH
    count = signature.batch or min(len(data), KERAS_BATCH)
    inputs = data.filled(signature.batch or 1).inputs
    columns = [inputs[spec.name] for spec in signature.inputs]
    for start in range(0, len(data), batch):
        arrays = [column[start : start + batch] for column in columns]
        results = _answered(call, arrays, model)
        parts.append([np.asarray(keras.ops.convert_to_numpy(result)) for result in results])
    names = signature.output_names
    if len(parts[0]) != len(names):
        raise ConversionError(
            f"model {model.name!r} returns {len(parts[0])} outputs where it declares {len(names)}"
        )
    for name, output in zip(names, parts[0], strict=True):
        if output.dtype.kind not in "biufcV":
            raise ConversionError(
                f"output {name!r} of model {model.name!r} gives strings, which neither TFLite nor "
                "ONNX can express here: give numbers, and look up their words after the model"
            )
        if output.shape[:1] != (count,):
            raise ConversionError(
                f"output {name!r} of model {model.name!r} has shape {list(output.shape)} for "
                f"{count} samples: give it the samples along its first axis (of a model of one "
                "sample, return outputs[None]), for a file answers one sample like many"
            )
    return {
        name: np.concatenate([part[index] for part in parts])[: len(data)]
        for index, name in enumerate(names)
    }


def _in_graph(call: Callable[..., Any]) -> Callable[..., Any]:
    """A call as a graph; as it is where Keras asks within it for what only numbers can tell."""
    import tensorflow as tf

    traced = tf.function(call, autograph=False)

    def answer(arrays: Sequence[Any]) -> Any:
        try:
            return traced(arrays)
        except tf.errors.OperatorNotAllowedInGraphError:
            return call(arrays)

    return answer


def _answered(call: Any, arrays: Sequence[Any], model: Any) -> Any:
    """What a model returns; where Keras itself fails, in a line."""
    from littoral_converters.watching import layer_in, reason_of, whole_tracebacks

    try:
        with whole_tracebacks():
            return call(arrays)
    except LittoralError:
        raise
    except Exception as error:
        layer, reason = layer_in(error, model), reason_of(error).rstrip(".")
        place = "" if layer is None else f", in layer {layer.name!r} ({type(layer).__name__})"
        raise ConversionError(
            f"model {model.name!r} fails in Keras itself{place}: {reason}; give data that it takes "
            "(representative_data, evaluation_data)"
        ) from error
