"""What Keras answers: the numbers that every file is compared with."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
from littoral.errors import ConversionError, LittoralError
from numpy.typing import NDArray

from littoral_converters.calibration import Dataset
from littoral_converters.nesting import every_layer

KERAS_BATCH = 256
_SIZE_OF_NONE = "Can't convert Python sequence with mixed types"
"""How TensorFlow says that a shape has a None in it."""


def keras_outputs(model: Any, signature: Any, data: Dataset) -> dict[str, NDArray[Any]]:
    """A model's outputs on data.

    Args:
        model: A Keras model.
        signature: Its inputs and outputs, see `littoral_converters.signature`.
        data: What goes in.

    Returns:
        By output name, in Keras's order, samples along the first axis; what has a first axis of 1
        and is the same whatever goes in, once for every sample.

    Raises:
        ConversionError: The model fails on the data, or returns another number of outputs than it
            declares.
    """
    import keras

    call: Any = partial(signature.call, model)
    batch = signature.batch or KERAS_BATCH
    if keras.backend.backend() == "tensorflow" and (
        len(data) > batch or _has_steps(model) or _has_bytes(signature)
    ):
        call = _in_graph(call)
    parts: list[list[NDArray[Any]]] = []
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
    first = [column[:batch] for column in columns]
    outputs = {}
    for index, name in enumerate(names):
        own = [part[index] for part in parts]
        if own[0].dtype.kind not in "biufcV":
            raise ConversionError(
                f"output {name!r} of model {model.name!r} gives strings, which neither TFLite nor "
                "ONNX can express here: give numbers, and look up their words after the model"
            )
        if own[0].shape[:1] != (count,):
            if own[0].shape[:1] == (1,):
                own += [_answered(call, arrays, model)[index] for arrays in _alike(first)]
            own = [_for_each(own, f"output {name!r} of model {model.name!r}", count, len(data))]
        outputs[name] = np.concatenate(own)[: len(data)]
    return outputs


def _for_each(answers: Sequence[Any], what: str, count: int, samples: int) -> Any:
    """What does not count the samples, once for each of them if it is the same in all answers."""
    shape = answers[0].shape
    if shape[:1] != (1,) or not all(np.array_equal(answers[0], other) for other in answers):
        raise ConversionError(
            f"{what} has shape {list(shape)} for {count} samples: give it the samples along its "
            "first axis (of a model of one sample, or of what is the same for all, return "
            "outputs[None]), for a file answers one sample like many"
        )
    return np.repeat(answers[0], samples, axis=0)


def _alike(arrays: Sequence[Any]) -> list[list[Any]]:
    """Batches of the first sample alone, and of the last alone."""
    return [
        [np.repeat(array[at : at + 1], len(array), axis=0) for array in arrays]
        for at in (0, len(arrays[0]) - 1)
    ]


def _has_steps(model: Any) -> bool:
    """Whether a model recurs: outside of a graph every step is Python's, 20 times as slow."""
    import keras

    return any(isinstance(layer, keras.layers.RNN) for layer in every_layer(model))


def _has_bytes(signature: Any) -> bool:
    """Whether a model takes bytes: outside of a graph resizing rounds to them, unlike `predict`."""
    return any("int8" in spec.dtype for spec in signature.inputs)


def _in_graph(call: Callable[..., Any]) -> Callable[..., Any]:
    """A call as a graph; as it is where Keras asks within it for what only numbers can tell."""
    import tensorflow as tf

    traced = tf.function(call, autograph=False)
    way = traced

    def answer(arrays: Sequence[Any]) -> Any:
        nonlocal way
        if way is traced:
            with contextlib.suppress(Exception):
                return traced(arrays)
            way = call  # for good; and where it was the data's fault, this says so
        return call(arrays)

    return answer


@contextlib.contextmanager
def _unfused() -> Iterator[None]:
    """Let TensorFlow compute operation by operation, for a while.

    With oneDNN it computes a normalization of constants, as a SavedModel has, with an epsilon of
    0.001, whatever the model's.
    """
    import keras

    if keras.backend.backend() != "tensorflow":
        yield
        return
    import tensorflow as tf

    option = "remapping"
    before = tf.config.optimizer.get_experimental_options().get(option, True)
    tf.config.optimizer.set_experimental_options({option: False})
    try:
        yield
    finally:
        tf.config.optimizer.set_experimental_options({option: before})


def _answered(call: Any, arrays: Sequence[Any], model: Any) -> Any:
    """What a model returns; where Keras itself fails, in a line."""
    from littoral_converters.watching import layer_in, reason_of, whole_tracebacks

    try:
        with whole_tracebacks(), _unfused():
            return call(arrays)
    except LittoralError:
        raise
    except Exception as error:
        layer, reason = layer_in(error, model), reason_of(error).rstrip(".")
        if _SIZE_OF_NONE in reason:
            reason = (
                "a size is None, as keras.ops.shape says outside of a layer where it is open: ask "
                "for it in a layer's call, or leave it to be told, by -1"
            )
        way_out = (
            "give data that it takes (representative_data, evaluation_data), or mend the model "
            "where it takes none"
        )
        if isinstance(error, NameError) and type(layer).__name__ == "Lambda":
            way_out = "give the Python file with that name: --import FILE.py (modules=['FILE.py'])"
        place = "" if layer is None else f", in layer {layer.name!r} ({type(layer).__name__})"
        raise ConversionError(
            f"model {model.name!r} fails in Keras itself{place}: {reason}; {way_out}"
        ) from error
