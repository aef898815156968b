"""Slices that are updated where an input says, as a cache of keys and values is."""

import keras
import numpy as np
import pytest
from converted import file_outputs, keras_outputs, randomize
from keras import layers, ops
from littoral_converters import convert


class Written(layers.Layer):
    """Updates along one axis or several, of open and of known sizes, by a list and by a tensor."""

    def call(self, x, update, place):
        at = place[0, 0]
        return [
            ops.slice_update(x, [0, at, 0, 0], update[:, :1]),
            ops.slice_update(x, [0, at, 1, 0], update[:, :2, :2]),
            ops.slice_update(x, (0, at, at, 2), update[:, :2, :2, :1]),
            ops.slice_update(x, ops.stack([0, at, 0, 0]), update[:, :1]),
            ops.slice_update(x, [0, at, at, at], update),
        ]


class Cached(layers.Layer):
    """Attention of one step to all up to it, whose keys and values go into a cache."""

    def __init__(self):
        super().__init__()
        self.parts = [layers.Dense(12) for _ in range(3)]

    def call(self, x, update, place):
        step = ops.reshape(update[:, 0], (-1, 1, 12))
        query, key, value = (ops.reshape(part(step), (-1, 1, 4, 3)) for part in self.parts)
        at = place[0, 0]
        keys = ops.slice_update(x, [0, at, 0, 0], key)
        values = ops.slice_update(x * 0.5, [0, at, 0, 0], value)
        scores = ops.einsum("bthd,bshd->bhts", query, keys) / 2.0
        scores = ops.softmax(ops.where(ops.arange(6) <= at, scores, -1e9))
        return ops.einsum("bhts,bshd->bthd", scores, values), keys, values


@pytest.mark.parametrize("batch", [1, None])
@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
@pytest.mark.parametrize(("made", "scheme"), [(Written, "float32"), (Cached, "static_int8")])
def test_slices_are_updated_where_an_input_says(made, scheme, format_name, batch, tmp_path):
    x, update = (keras.Input((6, 4, 3), name=name) for name in ("x", "update"))
    place = keras.Input((1,), dtype="int32", name="place")
    model = randomize(keras.Model([x, update, place], list(made()(x, update, place))))

    def feeds(at, count=3):
        random = np.random.default_rng(at)
        data = {n: random.normal(size=(count, 6, 4, 3)).astype("float32") for n in ("x", "update")}
        return {**data, "place": np.full((count, 1), at, "int32")}

    variants = convert(
        model,
        tmp_path,
        formats=(format_name,),
        schemes=("float32", scheme) if scheme != "float32" else (scheme,),
        representative_data=feeds(3, 16),
        batch=batch,
        recommend=False,
        warn=lambda doubt: None,
    )
    for variant in variants:
        limit = 1e-5 if variant.scheme == "float32" else 0.1
        # A start from which an update would reach over the end is moved.
        for at in (0, 2, 9):
            outputs = zip(
                file_outputs(variant.path, feeds(at)),
                keras_outputs(model, feeds(at)),
                strict=True,
            )
            for got, wanted in outputs:
                np.testing.assert_allclose(got, wanted, atol=limit * np.abs(wanted).max())
