"""Every function of `keras.ops`, and tensors of many axes: many functions in a model, each held."""

import keras
import littoral
import numpy as np
import pytest
import wide_operations
from every_image import EVERY
from every_operation import TOGETHER, WITHOUT
from keras import ops
from littoral.errors import ConversionError
from littoral_converters import convert
from operation_models import OPERATIONS

EACH = 16
"""Functions in a model."""


def groups(table):
    """The names of a table by the shape of their input, so many at a time."""
    names = {}
    for name, (shape, _) in table.items():
        names.setdefault(shape, []).append(name)
    return [own[at : at + EACH] for own in names.values() for at in range(0, len(own), EACH)]


def model_of_all(table, names):
    inputs = keras.Input(table[names[0]][0], name="x")
    results = {name: table[name][1](inputs) for name in names}
    return keras.Model(
        inputs,
        {
            name: result if result.dtype in ("float32", "int32") else ops.cast(result, "float32")
            for name, result in results.items()
        },
    )


def hold(table, names, folder, format_name, batch):
    """Convert functions in one model, and hold what each says against Keras."""
    keras.backend.clear_session()
    model, shape = model_of_all(table, names), table[names[0]][0]
    random = np.random.default_rng(0)
    samples = random.normal(size=(8, *shape)).astype("float32")
    (variant,) = convert(
        model, folder, formats=(format_name,), representative_data=samples, batch=batch
    )
    data = random.normal(size=(batch or 3, *shape)).astype("float32")
    wanted = model(data, training=False)
    with littoral.load(variant.path) as file:
        got = file.run(data)
    got = got if isinstance(got, dict) else {names[0]: got}
    for name in names:
        own = np.asarray(wanted[name], "float64")
        limit = 1e-4 * (1e-6 + np.abs(own[np.isfinite(own)]).max(initial=0))
        np.testing.assert_allclose(got[name], own, rtol=0, atol=limit, err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("batch", [1, None])
@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
@pytest.mark.parametrize("names", groups(EVERY), ids=lambda names: names[0])
def test_functions_agree_with_keras(names, format_name, batch, tmp_path):
    hold(EVERY, names, tmp_path, format_name, batch)


@pytest.mark.slow
@pytest.mark.parametrize("batch", [1, None])
@pytest.mark.parametrize("names", groups(wide_operations.WIDE), ids=lambda names: names[0])
def test_tensors_of_many_axes_go_through_tflite(names, batch, tmp_path):
    hold(wide_operations.WIDE, names, tmp_path, "tflite", batch)


def test_every_function_has_a_model_or_a_reason():
    functions = {name for name in dir(ops) if callable(getattr(ops, name)) and name.islower()}
    functions |= {f"image.{name}" for name in dir(ops.image) if callable(getattr(ops.image, name))}
    known = {name.partition("__")[0] for name in EVERY} | {*OPERATIONS}
    beside = {*WITHOUT, *TOGETHER}
    assert not functions - known - beside
    assert not beside & {name.partition("__")[0] for name in EVERY}


@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda x: ops.svd(x)[1], r"operation '\S*Svd' \(Svd\): it has no operator Svd; .*other"),
        (
            lambda x: ops.ctc_decode(x, ops.ones_like(x[:, 0, 0], "int32"), "beam_search")[0][0],
            "ctc_decode .*beam_search.*strategy='greedy'",
        ),
    ],
)
def test_what_no_format_has_is_refused_in_a_line(build, words, format_name, tmp_path):
    inputs = keras.Input((4, 6), name="x")
    model = keras.Model(inputs, build(inputs))
    with pytest.raises(ConversionError, match=words) as raised:
        convert(model, tmp_path, formats=(format_name,))
    assert "\n" not in str(raised.value)


def test_an_operator_that_other_numbers_have_is_named_with_its_own(tmp_path):
    inputs = keras.Input((4, 6), dtype="float16", name="x")
    model = keras.Model(inputs, ops.maximum(inputs, 0.1))
    with pytest.raises(ConversionError, match="has no operator Maximum of float16;"):
        convert(model, tmp_path, formats=("tflite",))
