"""More models for `layer_models`: what people bring, over sequences and sound."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops
from layer_models import encoder, spec
from picture_models import IMAGE, MODELS, conv

SEQUENCE, TOKENS = (8, 6), (8,)


@spec("temporal_convolutions", (16, 4))
def _temporal(x: Any) -> Any:
    for rate in (1, 2, 4):
        h = layers.Conv1D(4, 3, padding="causal", dilation_rate=rate, activation="relu")(x)
        x = layers.Add()([x, layers.SpatialDropout1D(0.1)(layers.LayerNormalization()(h))])
    return layers.Dense(3)(x[:, -1])


@spec("gated_convolutions", (16, 4))
def _gated(x: Any) -> Any:
    skips = 0
    for rate in (1, 2):
        h = layers.Conv1D(4, 2, padding="causal", dilation_rate=rate, activation="tanh")(x)
        h = h * layers.Conv1D(4, 2, padding="causal", dilation_rate=rate, activation="sigmoid")(x)
        skips = skips + layers.Conv1D(5, 1)(h)
        x = x + layers.Conv1D(4, 1)(h)
    return layers.Conv1D(3, 1)(ops.relu(skips))


@spec("keyword_spotter", (400, 1))
def _keyword(x: Any) -> Any:
    h = layers.STFTSpectrogram("log", 64, 32, 64, expand_dims=True)(x)
    h = conv(h, 4)
    return layers.Dense(3, "softmax")(layers.Flatten()(layers.MaxPooling2D((2, 3))(h)))


@spec("convolutional_recurrent", (8, 16, 1))
def _crnn(x: Any) -> Any:
    h = layers.MaxPooling2D()(conv(x, 4))
    h = layers.Reshape((8, 16))(layers.Permute((2, 1, 3))(h))
    h = layers.Bidirectional(layers.LSTM(4, return_sequences=True))(h)
    return layers.TimeDistributed(layers.Dense(6, "softmax"))(h)


@spec("sequence_to_sequence", SEQUENCE, (5, 4))
def _seq2seq(a: Any, b: Any) -> Any:
    encoded, *state = layers.LSTM(5, return_sequences=True, return_state=True)(a)
    decoded = layers.LSTM(5, return_sequences=True)(b, initial_state=state)
    context = layers.Attention()([decoded, encoded])
    return layers.Dense(7, "softmax")(layers.Concatenate()([decoded, context]))


@spec("sequence_to_sequence_gru", SEQUENCE, (5, 4))
def _seq2seq_gru(a: Any, b: Any) -> Any:
    encoded, forward, backward = layers.Bidirectional(
        layers.GRU(3, return_sequences=True, return_state=True)
    )(a)
    state = layers.Dense(6, "tanh")(layers.Concatenate()([forward, backward]))
    decoded = layers.GRU(6, return_sequences=True)(b, initial_state=state)
    return layers.Dense(4)(layers.AdditiveAttention()([decoded, encoded]))


@spec("decoder_with_cross_attention", SEQUENCE, (5, 6))
def _decoder(a: Any, b: Any) -> Any:
    memory = encoder(a)
    b = b + layers.MultiHeadAttention(2, 3)(b, b, use_causal_mask=True)
    b = layers.LayerNormalization()(b)
    b = layers.LayerNormalization()(b + layers.MultiHeadAttention(2, 3)(b, memory))
    return layers.Dense(5)(b + layers.Dense(6)(layers.Dense(12, "relu")(b)))


class ClassToken(layers.Layer):
    """A learned token before the others."""

    def build(self, input_shape: Any) -> None:
        self.token = self.add_weight(shape=(1, 1, input_shape[-1]), name="token")

    def call(self, inputs: Any) -> Any:
        token = ops.broadcast_to(self.token, (ops.shape(inputs)[0], 1, inputs.shape[-1]))
        return ops.concatenate([token, inputs], axis=1)


@spec("vision_transformer_with_token", IMAGE)
def _vit(x: Any) -> Any:
    h = layers.Reshape((9, 8))(layers.Conv2D(8, 4, strides=4)(x))
    h = ClassToken()(h)
    h = encoder(h + layers.Embedding(10, 8)(ops.arange(10)))
    return layers.Dense(4)(layers.LayerNormalization()(h)[:, 0])


@spec("mixer", IMAGE)
def _mixer(x: Any) -> Any:
    h = layers.Reshape((9, 8))(layers.Conv2D(8, 4, strides=4)(x))
    tokens = layers.Permute((2, 1))(layers.LayerNormalization()(h))
    h = h + layers.Permute((2, 1))(layers.Dense(9)(layers.Dense(12, "gelu")(tokens)))
    return layers.Dense(3)(layers.GlobalAveragePooling1D()(h + layers.Dense(8, "gelu")(h)))


def _bert() -> Any:
    tokens = keras.Input(TOKENS, dtype="int32", name="tokens")
    segments = keras.Input(TOKENS, dtype="int32", name="segments")
    mask = keras.Input(TOKENS, dtype="bool", name="mask")
    h = layers.Embedding(20, 8)(tokens) + layers.Embedding(6, 8)(segments)
    h = layers.LayerNormalization(epsilon=1e-6)(h + layers.Embedding(8, 8)(ops.arange(8)))
    attended = layers.MultiHeadAttention(2, 4)(h, h, attention_mask=mask[:, None, :])
    h = layers.LayerNormalization()(h + attended)
    h = layers.LayerNormalization()(h + layers.Dense(8)(layers.Dense(16, "gelu")(h)))
    inputs = {"tokens": tokens, "segments": segments, "mask": mask}
    return keras.Model(inputs, {"sequence": h, "pooled": layers.Dense(8, "tanh")(h[:, 0])})


MODELS["bert"] = _bert


@spec("language_model", TOKENS, dtype="int32")
def _language(x: Any) -> Any:
    table = layers.ReversibleEmbedding(20, 8)
    h = table(x)
    attention = layers.GroupQueryAttention(4, 4, 2)
    h = h + attention(layers.RMSNormalization()(h), h, use_causal_mask=True)
    gate, value = ops.split(layers.Dense(24)(layers.RMSNormalization()(h)), 2, axis=-1)
    return table(h + layers.Dense(8)(ops.silu(gate) * value), reverse=True)


@spec("rotary_positions", SEQUENCE)
def _rotary(x: Any) -> Any:
    angles = ops.arange(8, dtype="float32")[:, None] * ops.exp(-ops.arange(3, dtype="float32"))
    even, odd = x[..., ::2], x[..., 1::2]
    turned = [
        even * ops.cos(angles) - odd * ops.sin(angles),
        even * ops.sin(angles) + odd * ops.cos(angles),
    ]
    return layers.Dense(4)(ops.reshape(ops.stack(turned, axis=-1), (-1, 8, 6)))


@spec("relative_positions", SEQUENCE)
def _relative(x: Any) -> Any:
    q, k, v = (layers.Dense(6)(x) for _ in range(3))
    steps = ops.arange(8)
    bias = layers.Embedding(15, 1)(steps[:, None] - steps[None, :] + 7)[..., 0]
    scores = ops.softmax(ops.einsum("bid,bjd->bij", q, k) / 6**0.5 + bias)
    return ops.einsum("bij,bjd->bid", scores, v)


@spec("linear_attention", SEQUENCE)
def _linear(x: Any) -> Any:
    q, k = (ops.elu(layers.Dense(4)(x)) + 1 for _ in range(2))
    memory = ops.einsum("bnd,bne->bde", k, layers.Dense(5)(x))
    return (
        ops.einsum("bnd,bde->bne", q, memory)
        / ops.einsum("bnd,bd->bn", q, ops.sum(k, 1))[..., None]
    )


@spec("pooled_by_attention", SEQUENCE)
def _pooled(x: Any) -> Any:
    weights = layers.Softmax(axis=1)(layers.Dense(1)(layers.Dense(4, "tanh")(x)))
    return layers.Flatten()(layers.Dot(axes=1)([weights, x]))


@spec("masked_bidirectional", TOKENS, dtype="int32")
def _masked(x: Any) -> Any:
    h = layers.Embedding(20, 6, mask_zero=True)(x)
    h = layers.Bidirectional(layers.LSTM(4, return_sequences=True))(h)
    return layers.Bidirectional(layers.GRU(3))(h)


@spec("masked_average", TOKENS, dtype="int32")
def _masked_average(x: Any) -> Any:
    h = layers.GlobalAveragePooling1D()(layers.Embedding(20, 6, mask_zero=True)(x))
    return layers.Dense(3, "softmax")(h)


@spec("text_convolutions", TOKENS, dtype="int32")
def _text(x: Any) -> Any:
    h = layers.Embedding(20, 6)(x)
    parts = [layers.GlobalMaxPooling1D()(layers.Conv1D(4, n, activation="relu")(h)) for n in (2, 3)]
    return layers.Dense(1, "sigmoid")(layers.Concatenate()(parts))


@spec("stacked_cells", SEQUENCE)
def _stacked(x: Any) -> Any:
    cells = [layers.LSTMCell(4), layers.GRUCell(5), layers.SimpleRNNCell(3)]
    return layers.Bidirectional(layers.RNN(cells, return_sequences=True))(x)


@spec("residual_recurrence", SEQUENCE)
def _residual_recurrence(x: Any) -> Any:
    for _ in range(2):
        x = layers.Add()([x, layers.GRU(6, return_sequences=True)(layers.LayerNormalization()(x))])
    return layers.Dense(2)(x[:, -1, :])


@spec("recurrence_over_windows", (3, 5, 4))
def _windows(x: Any) -> Any:
    return layers.LSTM(4)(layers.TimeDistributed(layers.GRU(5))(x))
