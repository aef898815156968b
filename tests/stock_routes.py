"""What a person can do without littoral: every stock way from a Keras file to a file for a device.

Each route is a function (Keras file, representative samples, file to write). Some die, some write
files that do not load: that is part of the comparison, so each runs in a worker.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

SAMPLES = 200


def keras_litert(source: Path, samples, target: Path) -> None:
    """`Model.export(format="litert")`."""
    _load(source).export(str(target), format="litert", verbose=False)


def tflite(source: Path, samples, target: Path) -> None:
    """TFLiteConverter over a SavedModel with the batch fixed to 1."""
    target.write_bytes(_converter(source, target).convert())


def tflite_dynamic(source: Path, samples, target: Path) -> None:
    """The same with dynamic range quantization."""
    import tensorflow as tf

    converter = _converter(source, target)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    target.write_bytes(converter.convert())


def tflite_int8(source: Path, samples, target: Path) -> None:
    """The same with full integer quantization."""
    import tensorflow as tf

    converter = _converter(source, target)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([sample[None]] for sample in samples)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    target.write_bytes(converter.convert())


def tf2onnx(source: Path, samples, target: Path) -> None:
    """`tf2onnx.convert.from_keras`."""
    import tf2onnx as library

    library.convert.from_keras(_load(source), output_path=str(target))


def tf2onnx_repaired(source: Path, samples, target: Path) -> None:
    """The same where it wrote `Erfc`, which ONNX does not have: 1 - Erf in its place, by hand."""
    import onnx

    tf2onnx(source, samples, target)
    model = onnx.load(target)
    found = [node for node in model.graph.node if node.op_type == "Erfc"]
    if not found:
        raise ValueError("needs no repair")
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.float32(1), "one"))
    nodes = []
    for node in model.graph.node:
        if node.op_type == "Erfc":
            inner = f"{node.output[0]}_erf"
            nodes.append(onnx.helper.make_node("Erf", [node.input[0]], [inner]))
            nodes.append(onnx.helper.make_node("Sub", ["one", inner], [node.output[0]]))
        else:
            nodes.append(node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.save(model, target)


def onnxruntime_dynamic(source: Path, samples, target: Path) -> None:
    """tf2onnx, then `quantize_dynamic`."""
    from onnxruntime.quantization import quantize_dynamic

    tf2onnx(source, samples, target)
    quantize_dynamic(target, target)


def onnxruntime_static(source: Path, samples, target: Path) -> None:
    """tf2onnx, then `quantize_static` as QDQ, per channel."""
    import onnxruntime
    from onnxruntime import quantization

    tf2onnx(source, samples, target)
    name = onnxruntime.InferenceSession(str(target)).get_inputs()[0].name
    feeds = iter([{name: sample[None]} for sample in samples])

    class Reader(quantization.CalibrationDataReader):
        def get_next(self):
            return next(feeds, None)

    quantization.quantize_static(
        target, target, Reader(), quant_format=quantization.QuantFormat.QDQ, per_channel=True
    )


def litert_quantizer_dynamic(source: Path, samples, target: Path) -> None:
    """litert-quantizer's int8 weights over TFLiteConverter's file."""
    _quantize(source, samples, target, "dynamic_wi8_afp32")


def litert_quantizer_static(source: Path, samples, target: Path) -> None:
    """litert-quantizer's int8 weights and activations."""
    _quantize(source, samples, target, "static_wi8_ai8")


ROUTES = {
    "keras_litert": (keras_litert, ".tflite"),
    "tflite": (tflite, ".tflite"),
    "tflite_dynamic": (tflite_dynamic, ".tflite"),
    "tflite_int8": (tflite_int8, ".tflite"),
    "tf2onnx": (tf2onnx, ".onnx"),
    "tf2onnx_repaired": (tf2onnx_repaired, ".onnx"),
    "onnxruntime_dynamic": (onnxruntime_dynamic, ".onnx"),
    "onnxruntime_static": (onnxruntime_static, ".onnx"),
    "litert_quantizer_dynamic": (litert_quantizer_dynamic, ".tflite"),
    "litert_quantizer_static": (litert_quantizer_static, ".tflite"),
}
"""Every route with the ending of what it writes."""

ONE_LINE = ("keras_litert", "tflite", "tf2onnx")
"""Those that a person tries first: float32, one call."""


def make(route: str, source: Path, samples, folder: Path) -> Path:
    """Run one route.

    Args:
        route: One of `ROUTES`.
        source: A .keras file with one input.
        samples: Representative inputs, (n, ...).
        folder: Where the file goes.

    Returns:
        The file, named after the route.
    """
    function, suffix = ROUTES[route]
    target = folder / f"{route}{suffix}"
    function(source, samples[:SAMPLES], target)
    return target


def _load(source: Path):
    import keras

    return keras.models.load_model(source)


def _converter(source: Path, target: Path):
    import tensorflow as tf

    model = _load(source)
    folder = str(target.with_suffix(".saved"))
    (tensor,) = model.inputs
    spec = tf.TensorSpec([1, *tensor.shape[1:]], tensor.dtype, name=tensor.name)
    model.export(folder, format="tf_saved_model", verbose=False, input_signature=[spec])
    return tf.lite.TFLiteConverter.from_saved_model(folder)


def _quantize(source: Path, samples, target: Path, recipe_name: str) -> None:
    from litert_quantizer import quantizer, recipe

    start = target.with_suffix(".float.tflite")
    tflite(source, samples, start)
    name = _load(source).inputs[0].name
    made = quantizer.Quantizer(str(start))
    made.load_quantization_recipe(getattr(recipe, recipe_name)())
    ranges = None
    if made.need_calibration:
        ranges = made.calibrate({"serving_default": [{name: sample[None]} for sample in samples]})
    made.quantize(ranges).export_model(str(target), overwrite=True)
