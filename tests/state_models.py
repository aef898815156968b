"""More models for `layer_models`: state carried along, inside and outside, and masks."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops
from layer_models import spec
from unusual_models import MODELS, own


def _streaming_gru() -> Any:
    frame = keras.Input((4,), name="frame")
    states = [keras.Input((5,), name="state"), keras.Input((6,), name="state_2")]
    first, kept = layers.GRUCell(5)(frame, states[:1])
    second, kept_2 = layers.GRUCell(6, reset_after=False)(first, states[1:])
    return keras.Model(
        [frame, *states],
        {"scores": layers.Dense(3)(second), "state": kept[0], "state_2": kept_2[0]},
    )


MODELS["streaming_cells"] = _streaming_gru


def _state_in_and_out() -> Any:
    x = keras.Input((6, 4), name="x")
    h, c = keras.Input((5,), name="h"), keras.Input((5,), name="c")
    y, h_out, c_out = layers.LSTM(5, return_sequences=True, return_state=True)(
        x, initial_state=[h, c]
    )
    return keras.Model([x, h, c], [layers.Dense(2)(y), h_out, c_out])


MODELS["state_in_and_out"] = _state_in_and_out


def _stateful() -> Any:
    inputs = keras.Input(batch_shape=(1, 6, 4))
    h = layers.LSTM(5, stateful=True, return_sequences=True)(inputs)
    return keras.Model(inputs, layers.Dense(2)(layers.GRU(4, stateful=True)(h)))


MODELS["stateful"] = _stateful


def _translator() -> Any:
    source = keras.Input((7,), dtype="int32", name="source")
    target = keras.Input((5,), dtype="int32", name="target")
    embed = layers.Embedding(20, 6, mask_zero=True)
    encoded = layers.Bidirectional(layers.GRU(3, return_sequences=True))(embed(source))
    decoded = layers.LSTM(6, return_sequences=True)(embed(target))
    context = layers.Attention()([decoded, encoded])
    h = layers.TimeDistributed(layers.Dense(8, "tanh"))(layers.Concatenate()([decoded, context]))
    return keras.Model([source, target], layers.Dense(20, "softmax")(layers.Dropout(0.1)(h)))


MODELS["masked_translator"] = _translator


@spec("masks_all_the_way", (6, 4, 3))
def _masks(x: Any) -> Any:
    h = layers.TimeDistributed(layers.Masking())(x)
    h = layers.TimeDistributed(layers.Bidirectional(layers.GRU(3), merge_mode="mul"))(h)
    h = layers.Bidirectional(layers.LSTM(4, return_sequences=True), merge_mode="ave")(
        layers.Masking(0.0)(h)
    )
    return layers.Dense(2)(layers.GlobalAveragePooling1D()(h))


@spec("padded_encoder", (8,), dtype="int32")
def _padded(x: Any) -> Any:
    h = layers.Embedding(20, 8, mask_zero=True)(x)
    h = layers.LayerNormalization()(h + layers.MultiHeadAttention(2, 4)(h, h, use_causal_mask=True))
    padding = ops.cast(ops.not_equal(x, 0), "float32")[..., None]
    h = ops.sum(layers.Dense(8, "gelu")(h) * padding, 1) / (ops.sum(padding, 1) + 1e-6)
    return layers.Dense(3)(h)


@own
class Recurrent(layers.Layer):
    """A cell of a person's own: minimal gated, with a state of two parts."""

    def __init__(self, units: int, **options: Any) -> None:
        super().__init__(**options)
        self.units, self.state_size, self.output_size = units, [units, units], units
        self.gate, self.candidate = layers.Dense(units, "sigmoid"), layers.Dense(units, "tanh")

    def build(self, input_shape: Any) -> None:
        joined = (*input_shape[:-1], input_shape[-1] + self.units)
        self.gate.build(joined)
        self.candidate.build(joined)

    def call(self, inputs: Any, states: Any) -> Any:
        joined = ops.concatenate([inputs, states[0]], axis=-1)
        kept = self.gate(joined)
        h = kept * states[0] + (1 - kept) * self.candidate(joined)
        return h + states[1], [h, ops.maximum(h, states[1])]

    def get_config(self) -> Any:
        return {**super().get_config(), "units": self.units}


@spec("own_cell", (7, 4))
def _own_cell(x: Any) -> Any:
    h = layers.RNN(Recurrent(5), return_sequences=True)(x)
    return layers.Dense(2)(layers.RNN(Recurrent(3), go_backwards=True)(h))


@spec("scanned_state", (10, 4))
def _scanned(x: Any) -> Any:
    decay = ops.sigmoid(layers.Dense(6)(x))
    steps = ops.transpose(decay, (1, 0, 2)), ops.transpose(layers.Dense(6)(x), (1, 0, 2))

    def step(state: Any, inputs: Any) -> Any:
        state = inputs[0] * state + (1 - inputs[0]) * inputs[1]
        return state, state

    last, all_states = ops.scan(step, ops.zeros_like(steps[0][0]), steps)
    return layers.Dense(3)(last), ops.transpose(all_states, (1, 0, 2))


@own
class Repeated(layers.Layer):
    """Loops and choices of `keras.ops`, as a layer has them."""

    def call(self, x: Any) -> Any:
        looped = ops.fori_loop(0, 4, lambda _, h: ops.tanh(h * 1.5 - 0.1), x)
        y, _ = ops.while_loop(
            lambda h, n: n < 3, lambda h, n: (h * 0.5 + looped, n + 1), (x, ops.zeros((), "int32"))
        )
        rows = ops.map(lambda row: row / (1.0 + ops.sum(ops.abs(row))), y)
        return ops.where(ops.sum(rows, axis=-1, keepdims=True) > 0, rows, -2.0 * rows)


@spec("repeated_until_done", (5,))
def _repeated(x: Any) -> Any:
    return layers.Dense(3)(Repeated()(layers.Dense(5, "tanh")(x)))
