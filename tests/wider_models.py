"""More models for `layer_models`: what people bring, whole and small."""

from __future__ import annotations

from typing import Any

import keras
from idiom_models import MODELS, encoder, layer, spec
from keras import layers, ops

VECTOR, SEQUENCE, IMAGE, TOKENS = (9,), (8, 6), (12, 12, 3), (8,)


def conv(x: Any, filters: int, size: int = 3, **options: Any) -> Any:
    """Convolution, normalization, ReLU."""
    x = layers.Conv2D(filters, size, padding="same", use_bias=False, **options)(x)
    return layers.ReLU()(layers.BatchNormalization()(x))


@spec("u_net", (16, 16, 3))
def _u_net(x: Any) -> Any:
    top = conv(x, 4)
    middle = conv(layers.MaxPooling2D()(top), 6)
    bottom = conv(layers.MaxPooling2D()(middle), 8)
    up = layers.Concatenate()([layers.UpSampling2D()(bottom), middle])
    up = layers.Conv2DTranspose(4, 2, strides=2)(conv(up, 6))
    return layers.Conv2D(2, 1, activation="softmax")(conv(layers.Concatenate()([up, top]), 4))


@spec("feature_pyramid", (16, 16, 3))
def _pyramid(x: Any) -> Any:
    low = conv(x, 6, strides=2)
    high = layers.Conv2D(6, 1)(conv(low, 8, strides=2))
    merged = layers.Add()([layers.UpSampling2D(interpolation="bilinear")(high), low])
    return {"coarse": layers.Conv2D(3, 1)(high), "fine": layers.Conv2D(3, 1)(merged)}


@spec("depthwise_stack", IMAGE)
def _depthwise(x: Any) -> Any:
    for filters, strides in ((6, 1), (8, 2), (10, 1)):
        x = layers.DepthwiseConv2D(3, strides=strides, padding="same", use_bias=False)(x)
        x = conv(layers.ReLU(6.0)(layers.BatchNormalization()(x)), filters, 1)
    return layers.Dense(4, "softmax")(layers.GlobalAveragePooling2D()(x))


@spec("inverted_residual", IMAGE)
def _inverted(x: Any) -> Any:
    h = layers.Activation("hard_silu")(layers.BatchNormalization()(layers.Conv2D(12, 1)(x)))
    h = layers.DepthwiseConv2D(5, padding="same")(h)
    gate = layers.GlobalAveragePooling2D(keepdims=True)(h)
    gate = layers.Conv2D(12, 1, activation="hard_sigmoid")(
        layers.Conv2D(4, 1, activation="relu")(gate)
    )
    return layers.Add()([x, layers.Conv2D(3, 1)(layers.Multiply()([h, gate]))])


@spec("swish_squeeze_excite", IMAGE)
def _swish(x: Any) -> Any:
    h = layers.Conv2D(8, 3, activation="swish")(x)
    gate = layers.Reshape((1, 1, 8))(layers.GlobalAveragePooling2D()(h))
    gate = layers.Dense(8, "sigmoid")(layers.Dense(2, "swish")(gate))
    return layers.GlobalMaxPooling2D()(h * gate)


@spec("dense_block", IMAGE)
def _dense_block(x: Any) -> Any:
    for _ in range(3):
        x = layers.Concatenate()([x, conv(x, 4)])
    return layers.AveragePooling2D(2)(conv(x, 6, 1))


@spec("inception_block", IMAGE)
def _inception(x: Any) -> Any:
    pooled = conv(layers.AveragePooling2D(3, 1, "same")(x), 3, 1)
    tall = layers.Conv2D(3, (1, 5), padding="same")(layers.Conv2D(3, (5, 1), padding="same")(x))
    return layers.Concatenate()([conv(x, 3, 1), conv(conv(x, 3, 1), 4), pooled, tall])


@spec("shuffled_channels", (8, 8, 4))
def _shuffled(x: Any) -> Any:
    h = layers.Conv2D(8, 1, groups=2)(x)
    h = layers.Reshape((8, 8, 2, 4))(h)
    h = layers.Reshape((8, 8, 8))(layers.Permute((1, 2, 4, 3))(h))
    return layers.DepthwiseConv2D(3)(h)


@spec("convolution_with_attention", (8, 8, 4))
def _conv_attention(x: Any) -> Any:
    cells = layers.Reshape((64, 4))(x)
    cells = cells + layers.MultiHeadAttention(2, 4)(cells, cells)
    return layers.Conv2D(3, 3)(layers.Reshape((8, 8, 4))(cells))


@spec("spatial_attention", IMAGE)
def _spatial(x: Any) -> Any:
    maps = ops.concatenate([ops.mean(x, -1, keepdims=True), ops.max(x, -1, keepdims=True)], -1)
    return x * layers.Conv2D(1, 5, padding="same", activation="sigmoid")(maps)


@spec("pixel_shuffle", (6, 6, 4))
def _pixel_shuffle(x: Any) -> Any:
    h = layers.Conv2D(12, 3, padding="same")(x)
    h = ops.reshape(h, (-1, 6, 6, 2, 2, 3))
    return ops.reshape(ops.transpose(h, (0, 1, 3, 2, 4, 5)), (-1, 12, 12, 3))


@spec("dilated_stack", IMAGE)
def _dilated(x: Any) -> Any:
    parts = [layers.Conv2D(4, 3, padding="same", dilation_rate=rate)(x) for rate in (1, 2, 4)]
    pooled = layers.GlobalAveragePooling2D(keepdims=True)(x)
    parts.append(layers.UpSampling2D(12)(layers.Conv2D(4, 1)(pooled)))
    return layers.Conv2D(3, 1)(layers.Concatenate()(parts))


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


@spec("shared_encoder", VECTOR, VECTOR)
def _siamese(a: Any, b: Any) -> Any:
    branch = keras.Sequential([layers.Dense(8, "relu"), layers.Dense(4)])
    a, b = (layers.UnitNormalization()(branch(x)) for x in (a, b))
    return layers.Dot(axes=1)([a, b]), ops.norm(a - b, axis=-1, keepdims=True)


def _dictionaries() -> Any:
    inputs = {
        "wide": keras.Input((5,), name="wide"),
        "deep": keras.Input((4, 3), name="deep"),
        "kind": keras.Input((), dtype="int32", name="kind"),
    }
    kind = layers.Embedding(6, 4)(inputs["kind"])
    h = layers.Concatenate()([inputs["wide"], layers.Flatten()(inputs["deep"]), kind])
    h = layers.Dense(8, "relu")(h)
    heads = {"score": layers.Dense(1)(h), "class": layers.Dense(3, "softmax")(h)}
    return keras.Model(inputs, {**heads, "nested": {"b": h, "a": layers.Dense(2)(h)}})


MODELS["dictionaries"] = _dictionaries


@spec("nested_three_deep", SEQUENCE)
def _deep(x: Any) -> Any:
    def wrapped(make: Any) -> Any:
        inputs = keras.Input(SEQUENCE)
        return keras.Model(inputs, make(inputs))

    inner = wrapped(lambda y: layers.GRU(6, return_sequences=True)(y))
    middle = wrapped(lambda y: layers.Add()([inner(y), y]))
    outer = wrapped(lambda y: layers.LayerNormalization()(middle(middle(y))))
    return keras.Sequential([outer, layers.Flatten(), layers.Dense(3)])(x)


@keras.saving.register_keras_serializable("littoral_tests")
class Arithmetic(keras.Model):
    """A model of operations."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.project = layers.Dense(6)

    def call(self, x: Any) -> Any:
        h = self.project(x)
        scores = ops.softmax(ops.einsum("bid,bjd->bij", h, h))
        values, places = ops.top_k(scores, 2)
        best = ops.take_along_axis(h, places[..., :1], axis=1)
        onehot = ops.one_hot(ops.argmax(h, -1), 6)
        summed = ops.cumsum(ops.where(h > 0, h, 0.1 * h), axis=1)
        unit = h / (ops.norm(h, axis=-1, keepdims=True) + 1e-3)
        return ops.concatenate([values, best, onehot, summed[:, ::-1], unit], axis=-1)


layer("subclassed_arithmetic", SEQUENCE)(lambda: Arithmetic())


@spec("mixture_of_experts", VECTOR)
def _experts(x: Any) -> Any:
    gates = layers.Dense(3, "softmax")(x)
    experts = ops.stack([layers.Dense(5, "relu")(x) for _ in range(3)], axis=1)
    return ops.sum(gates[..., None] * experts, axis=1)


@spec("variational_autoencoder", VECTOR)
def _variational(x: Any) -> Any:
    h = layers.Dense(8, "relu")(x)
    mean, logvar = layers.Dense(2)(h), layers.Dense(2)(h)
    decoded = layers.Dense(9, "sigmoid")(layers.Dense(8, "relu")(mean))
    return decoded, ops.mean(ops.square(mean) + ops.exp(logvar) - logvar - 1, axis=-1)


@spec("autoencoder_of_sequences", (16, 3))
def _sequence_autoencoder(x: Any) -> Any:
    h = layers.Conv1D(6, 3, strides=2, padding="same", activation="relu")(x)
    h = layers.Conv1D(8, 3, strides=2, padding="same", activation="relu")(h)
    h = layers.Conv1DTranspose(6, 3, strides=2, padding="same", activation="relu")(h)
    return layers.Conv1DTranspose(3, 4, strides=2, padding="same")(h)


@spec("autoencoder_of_volumes", (8, 8, 8, 1))
def _volume_autoencoder(x: Any) -> Any:
    h = layers.Conv3D(4, 3, strides=2, padding="same", activation="relu")(x)
    return layers.Conv3DTranspose(1, 3, strides=2, padding="same", activation="sigmoid")(h)


@spec("recurrent_autoencoder", SEQUENCE)
def _recurrent_autoencoder(x: Any) -> Any:
    h = layers.RepeatVector(8)(layers.LSTM(4)(x))
    return layers.TimeDistributed(layers.Dense(6))(layers.LSTM(5, return_sequences=True)(h))


@spec("video_network", (6, 8, 8, 2))
def _video(x: Any) -> Any:
    h = layers.Conv3D(4, 3, activation="relu")(x)
    h = layers.BatchNormalization()(layers.MaxPooling3D((2, 2, 2))(h))
    return layers.Dense(3)(layers.GlobalAveragePooling3D()(h))


@spec("video_by_frames", (3, 8, 8, 2))
def _frames(x: Any) -> Any:
    frame = keras.Sequential(
        [layers.Conv2D(4, 3, activation="relu"), layers.GlobalAveragePooling2D()]
    )
    return layers.Dense(3)(layers.GRU(4)(layers.TimeDistributed(frame)(x)))


@spec("stacked_conv_lstm", (3, 6, 6, 2))
def _stacked_conv_lstm(x: Any) -> Any:
    h = layers.ConvLSTM2D(3, 3, padding="same", return_sequences=True)(x)
    h = layers.ConvLSTM2D(2, 3, padding="same")(layers.BatchNormalization()(h))
    return layers.Conv2D(1, 1, activation="sigmoid")(h)


@spec("graph_convolution", SEQUENCE, (8, 8))
def _graph(x: Any, edges: Any) -> Any:
    edges = ops.sigmoid(edges)
    edges = edges / ops.sum(edges, axis=-1, keepdims=True)
    return ops.matmul(edges, layers.Dense(4)(ops.relu(ops.matmul(edges, layers.Dense(8)(x)))))


@spec("point_cloud", (20, 3))
def _points(x: Any) -> Any:
    x = x - ops.mean(x, axis=1, keepdims=True)
    h = layers.Conv1D(8, 1, activation="relu")(x)
    return layers.Dense(4)(ops.max(layers.Conv1D(12, 1, activation="relu")(h), axis=1))


@spec("radial_basis", VECTOR)
def _radial(x: Any) -> Any:
    centers = ops.reshape(ops.arange(36, dtype="float32") / 18 - 1, (1, 4, 9))
    distance = ops.sum(ops.square(x[:, None] - centers), axis=-1)
    return layers.Dense(3)(ops.exp(-distance / 9))


@spec("factorization_machine", VECTOR)
def _factorization(x: Any) -> Any:
    h = layers.EinsumDense("bf,fk->bfk", (9, 4))(x)
    pairs = ops.square(ops.sum(h, 1)) - ops.sum(ops.square(h), 1)
    return layers.Dense(1)(x) + 0.5 * ops.sum(pairs, axis=-1, keepdims=True)


@spec("spectral_features", (64,))
def _spectral(x: Any) -> Any:
    real, imaginary = ops.fft((x, ops.zeros_like(x)))
    power = ops.log(real**2 + imaginary**2 + 1.0)
    return layers.Dense(4)(power[:, :32])


@spec("complex_spectra", (6, 8))
def _spectra(x: Any) -> Any:
    turned = ops.ifft2(ops.fft2((x, ops.cos(x))))
    back = ops.irfft(ops.fft((x, ops.sin(x))), fft_length=14)
    return ops.concatenate([*turned, back, ops.irfft((x, ops.cos(x)))], axis=-1)


@spec("images_by_operations", IMAGE)
def _by_operations(x: Any) -> Any:
    h = ops.image.pad_images(x, 1, 1, target_height=14, target_width=14)
    h = ops.image.crop_images(ops.image.resize(h, (10, 10)), 1, 1, target_height=8, target_width=8)
    return layers.Conv2D(2, 3)(h)


@spec("patches_by_operation", IMAGE)
def _patches(x: Any) -> Any:
    return layers.Dense(5)(ops.image.extract_patches(x, 4))


@spec("prepared_tables", (4,), (1,))
def _tables(numbers: Any, age: Any) -> Any:
    numbers = layers.Normalization(mean=[0.0, 1, 2, 3], variance=[1.0, 2, 3, 4])(numbers)
    bins = layers.Discretization([-1.0, 0.0, 1.0], output_mode="one_hot")(age)
    return layers.Dense(3)(layers.Concatenate()([numbers, bins]))


@spec("prepared_words", TOKENS, dtype="int32")
def _words(x: Any) -> Any:
    x = layers.IntegerLookup(vocabulary=[1, 2, 3], output_mode="int")(x)
    return layers.Dense(2)(layers.CategoryEncoding(5, output_mode="multi_hot")(x))


@spec("one_feature", (12, 1))
def _one_feature(x: Any) -> Any:
    h = layers.Dense(8)(layers.Dense(8)(x))
    return layers.Dense(2)(layers.LSTM(4)(layers.Dense(3)(h[..., :1])))


@spec("single_numbers", (), ())
def _single(a: Any, b: Any) -> Any:
    return a * b, ops.maximum(a, b)


@spec("mean_of_all", IMAGE)
def _mean(x: Any) -> Any:
    return ops.mean(layers.Conv2D(2, 3)(x), axis=(1, 2, 3))


@spec("no_weights", IMAGE)
def _no_weights(x: Any) -> Any:
    return layers.Softmax()(layers.Flatten()(layers.AveragePooling2D(4)(ops.abs(x))))


@spec("input_returned", VECTOR)
def _returned(x: Any) -> Any:
    return x, layers.Dense(2)(x)


@spec("one_tensor_twice", VECTOR)
def _twice(x: Any) -> Any:
    h = layers.Dense(2)(x)
    return {"first": h, "second": h}


@spec("clipped_head", VECTOR)
def _clipped(x: Any) -> Any:
    h = layers.Dense(4)(layers.GaussianNoise(0.1)(x))
    return ops.round(ops.clip(h, -2, 2) * 4) / 4, ops.cast(h > 0, "int32")


@spec("soft_argmax", (6, 6, 2))
def _soft_argmax(x: Any) -> Any:
    weights = layers.Softmax(axis=1)(layers.Reshape((36, 2))(x))
    grid = ops.stack(ops.meshgrid(ops.arange(6.0), ops.arange(6.0)), axis=-1)
    return ops.einsum("bnk,nc->bkc", weights, ops.reshape(grid, (36, 2)))
