"""Patches of pictures and volumes: values copied to their places, which nothing multiplies."""

import keras
import littoral
import numpy as np
import onnx
import pytest
from ai_edge_litert.interpreter import Interpreter
from keras import ops
from littoral_converters import convert

PICTURE, VOLUME = (12, 16, 3), (4, 6, 8, 2)
CASES = {
    "touching": (PICTURE, {"size": 4}),
    "touching_uneven": (PICTURE, {"size": (5, 3)}),
    "touching_padded": (PICTURE, {"size": (5, 3), "padding": "same"}),
    "touching_along_one_axis": (PICTURE, {"size": (4, 3), "strides": (4, 2)}),
    "overlapping": (PICTURE, {"size": 3, "strides": 2, "padding": "same"}),
    "apart": (PICTURE, {"size": 2, "strides": 5}),
    "dilated": (PICTURE, {"size": 3, "strides": 1, "dilation_rate": 2}),
    "whole": (PICTURE, {"size": PICTURE[:2]}),
    "channels_first": (PICTURE, {"size": 4, "data_format": "channels_first"}),
    "volumes": (VOLUME, {"size": (2, 3, 4)}),
    "volumes_overlapping": (VOLUME, {"size": (2, 3, 3), "strides": (1, 3, 2)}),
}


def taken(x, options):
    """The patches, of channels moved to the front where the options ask for that."""
    first = options.get("data_format") == "channels_first"
    return ops.image.extract_patches(ops.transpose(x, (0, 3, 1, 2)) if first else x, **options)


def kinds(path):
    """The operators of a file."""
    if path.suffix == ".onnx":
        return {node.op_type for node in onnx.load(path).graph.node}
    return {each["op_name"] for each in Interpreter(str(path))._get_ops_details()}


@pytest.mark.parametrize("scheme", ["float32", "static_int8"])
@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
@pytest.mark.parametrize("name", CASES)
def test_patches_are_copies(name, format_name, scheme, tmp_path):
    shape, options = CASES[name]
    inputs = keras.Input(shape, name="x")
    model = keras.Model(inputs, taken(inputs, options))
    data = np.random.default_rng(0).normal(size=(3, *shape)).astype("float32")
    (variant,) = convert(
        model, tmp_path, formats=(format_name,), schemes=(scheme,), representative_data=data
    )
    with littoral.load(variant.path) as file:
        wanted = np.asarray(model(data))
        step = 0 if scheme == "float32" else np.ptp(data) / 100
        np.testing.assert_allclose(file.run(data), wanted, rtol=0, atol=step)
    assert not {"Conv", "CONV_2D", "CONV_3D", "MatMul", "MATRIX_DIAG"} & kinds(variant.path)


@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
def test_patches_of_one_picture_in_any_batch(format_name, tmp_path):
    inputs = keras.Input((8, 6, 3), name="x")
    each = ops.map(lambda picture: ops.image.extract_patches(picture, (4, 3)), inputs)
    model = keras.Model(inputs, [ops.image.extract_patches(inputs, 2), each])
    data = np.random.default_rng(0).normal(size=(3, 8, 6, 3)).astype("float32")
    (variant,) = convert(model, tmp_path, formats=(format_name,), batch=None)
    with littoral.load(variant.path) as file:
        for got, wanted in zip(file.run(data).values(), model(data), strict=True):
            np.testing.assert_array_equal(got, np.asarray(wanted))


@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
def test_patches_of_pictures_of_open_size(format_name, tmp_path):
    inputs = keras.Input((None, 6, 3), name="x")
    model = keras.Model(inputs, ops.image.extract_patches(inputs, (4, 3)))
    (variant,) = convert(model, tmp_path, formats=(format_name,), recommend=False)
    with littoral.load(variant.path) as file:
        for rows in (8, 13):
            data = np.random.default_rng(0).normal(size=(1, rows, 6, 3)).astype("float32")
            np.testing.assert_allclose(file.run(data), np.asarray(model(data)), rtol=0, atol=1e-6)
