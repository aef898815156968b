"""More models for `layer_models`: numbers other than float32, as inputs and within."""

from __future__ import annotations

from functools import partial
from typing import Any

import keras
from keras import layers, ops
from layer_models import IMAGE, SEQUENCE
from state_models import MODELS, spec


@spec("bytes_in", (8, 8, 3), dtype="uint8")
def _bytes(x: Any) -> Any:
    return layers.Conv2D(4, 3, activation="relu")(layers.Rescaling(1 / 2.0, -1.0)(x))


@spec("flags_in", (7,), dtype="bool")
def _flags(x: Any) -> Any:
    return layers.Dense(3)(ops.cast(ops.logical_not(x), "float32"))


@spec("numbers_in", (7,), dtype="int32")
def _numbers_in(x: Any) -> Any:
    return layers.Dense(3)(ops.cast(x % 3, "float32")), x * 2 + 1


def _mixed() -> Any:
    inputs = keras.Input(IMAGE)
    h = layers.Conv2D(4, 3, activation="relu", dtype="mixed_float16")(inputs)
    h = layers.BatchNormalization(dtype="mixed_float16")(h)
    h = layers.Dense(6, "gelu", dtype="mixed_float16")(layers.Flatten(dtype="mixed_float16")(h))
    return keras.Model(inputs, layers.Dense(3, dtype="float32")(h))


MODELS["mixed_precision"] = _mixed


def _mixed_recurrent() -> Any:
    inputs = keras.Input(SEQUENCE)
    h = layers.LSTM(4, return_sequences=True, dtype="mixed_float16")(inputs)
    h = layers.MultiHeadAttention(2, 3, dtype="mixed_float16")(h, h)
    return keras.Model(inputs, layers.Dense(3, dtype="float32")(h))


MODELS["mixed_precision_recurrent"] = _mixed_recurrent


@spec("double_precision_in", (6,), dtype="float64")
def _double(x: Any) -> Any:
    return layers.Dense(3)(ops.cast(x, "float32") * 2.0)


@spec("long_integers", (6,), dtype="int64")
def _long_integers(x: Any) -> Any:
    return ops.cast(x, "float32") / 2, x + 2, layers.Embedding(8, 3)(x)


@spec("long_integers_below_zero", (6,), dtype="int64")
def _long_integers_below_zero(x: Any) -> Any:
    return ops.abs(3 - 2 * x), ops.sign(1 - x)


@spec("short_integers", (16,), dtype="int16")
def _short(x: Any) -> Any:
    return layers.Dense(4)(ops.cast(x, "float32") / 32768.0 * 4000.0)


@spec("signed_bytes", (6, 6, 1), dtype="int8")
def _signed(x: Any) -> Any:
    return layers.Conv2D(3, 3, activation="relu")(ops.cast(x, "float32") * 0.5)


@spec("half_precision_in", (6,), dtype="float16")
def _half(x: Any) -> Any:
    return layers.Dense(3)(x)


def _brain_floats() -> Any:
    inputs = keras.Input((8, 6))
    h = layers.Dense(6, "gelu", dtype="mixed_bfloat16")(inputs)
    h = layers.LayerNormalization(dtype="mixed_bfloat16")(h)
    return keras.Model(inputs, layers.Dense(3, dtype="float32")(layers.Flatten()(h)))


MODELS["brain_floats"] = _brain_floats


def _quantized_by_keras() -> Any:
    inputs = keras.Input((6, 8))
    h = layers.Dense(12, "relu", name="wide")(inputs)
    model = keras.Model(inputs, layers.Dense(3, name="head")(layers.Flatten()(h)))
    model.quantize("int8", filters=["wide", "head"])
    return model


MODELS["quantized_by_keras"] = _quantized_by_keras


def _quantized_encoder(mode: str) -> Any:
    """Products of three and more axes: heads, and heads that share keys."""
    inputs = keras.Input((6,), dtype="int32")
    h = layers.EinsumDense("abc,cd->abd", (None, 8))(layers.Embedding(12, 16)(inputs))
    h = layers.MultiHeadAttention(2, 4)(h, h, use_causal_mask=True)
    h = layers.GroupQueryAttention(4, 2, 2)(h, h)
    h = layers.EinsumDense("abc,cde->abde", (None, 2, 3), bias_axes="de")(h)
    model = keras.Model(inputs, layers.GlobalAveragePooling2D()(h))
    for layer in model._flatten_layers():
        if isinstance(layer, (layers.Embedding, layers.EinsumDense)):
            layer.quantize(mode)
    return model


MODELS["encoder_in_int8_by_keras"] = partial(_quantized_encoder, "int8")
MODELS["encoder_in_int4_by_keras"] = partial(_quantized_encoder, "int4")
