"""More models for `layer_models`: sizes and options at the edge, most of which failed once."""

from __future__ import annotations

from typing import Any

from keras import layers, ops
from number_models import MODELS, spec


@spec("outputs_beyond_the_last_window", (4, 5, 2))
def _beyond(x: Any) -> Any:
    h = layers.Conv2DTranspose(3, (3, 1), strides=(2, 3), output_padding=(1, 2))(x)
    deep = layers.Reshape((4, 5, 2, 1))(x)
    return h, layers.Conv3DTranspose(2, (4, 2, 2), strides=2, output_padding=1)(deep)


@spec("one_row_of_pixels", (1, 12, 3))
def _one_row(x: Any) -> Any:
    h = layers.RMSNormalization(axis=3)(layers.Conv2D(4, (1, 3), activation="relu")(x))
    h = layers.GroupNormalization(groups=-1)(layers.MaxPooling2D((1, 2))(h))
    return layers.Dense(3)(ops.reshape(h, (-1, 20)))


@spec("list_of_one_cell", (7, 4))
def _one_cell(x: Any) -> Any:
    return layers.RNN([layers.LSTMCell(4)])(x), layers.RNN([layers.GRUCell(3)])(x)


@spec("cells_behind_a_mask", (8, 4))
def _cells(x: Any) -> Any:
    def cells() -> Any:
        return [layers.LSTMCell(4), layers.LSTMCell(3, use_bias=False), layers.SimpleRNNCell(2)]

    ends = ops.where(ops.arange(8)[:, None] < 5, x, 0.0)
    h = layers.Masking()(ends)
    h = layers.Bidirectional(layers.RNN(cells(), return_sequences=True), merge_mode="sum")(h)
    return layers.AdditiveAttention(use_scale=False)([h, h], use_causal_mask=True)


@spec("zeros_at_a_masked_end", (7, 4))
def _zeros(x: Any) -> Any:
    mask, options = ops.any(x > 0.9, axis=-1), {"zero_output_for_mask": True}
    kinds = (layers.LSTM, layers.GRU, layers.SimpleRNN)
    ends = [kind(4, **options)(x, mask=mask) for kind in kinds]
    both = layers.Bidirectional(layers.LSTM(3, **options))(x, mask=mask)
    cells = layers.RNN([layers.LSTMCell(3), layers.GRUCell(2)], **options)(x, mask=mask)
    return [*ends, both, cells]


@spec("axes_pooled_into_one_piece", (1, 5, 3), (7, 4))
def _one_piece(x: Any, row: Any) -> Any:
    means = [layers.AdaptiveAveragePooling2D(size)(x) for size in ((3, 2), (1, 4), 1)]
    return *means, layers.AdaptiveAveragePooling1D(1)(row)


@spec("truths_of_whole_numbers", (5, 6))
def _truths(x: Any) -> Any:
    whole = ops.cast(3 * x, "int32")
    return ops.cast(ops.all(whole, axis=1), "float32"), ops.cast(ops.cast(whole, "bool"), "int32")


__all__ = ["MODELS"]
