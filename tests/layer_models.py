"""Small Keras models, one a layer and option, and idioms: what has to convert everywhere.

`MODELS` maps a name to a function that makes the model.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import layers, ops

MODELS: dict[str, Callable[[], Any]] = {}

VECTOR, SEQUENCE, IMAGE, VOLUME = (9,), (7, 6), (9, 10, 4), (5, 6, 7, 2)


def spec(name: str, *shapes: tuple[int, ...], dtype: str = "float32") -> Callable[..., Any]:
    """Register a function from symbolic inputs to symbolic outputs as a model."""

    def register(build: Callable[..., Any]) -> Callable[..., Any]:
        def make() -> Any:
            inputs = [keras.Input(shape, dtype=dtype) for shape in shapes]
            return keras.Model(inputs if len(inputs) > 1 else inputs[0], build(*inputs))

        assert name not in MODELS
        MODELS[name] = make
        return build

    return register


def layer(
    name: str, *shapes: tuple[int, ...], dtype: str = "float32"
) -> Callable[[Callable[[], Any]], None]:
    """Register one layer on its inputs."""

    def register(make_layer: Callable[[], Any]) -> None:
        spec(name, *shapes, dtype=dtype)(
            lambda *inputs: make_layer()(list(inputs) if len(inputs) > 1 else inputs[0])
        )

    return register


ACTIVATIONS = (  # noqa: SIM905 - a list would take 30 lines
    "celu elu exponential gelu glu hard_shrink hard_sigmoid hard_silu hard_tanh leaky_relu linear "
    "log_sigmoid log_softmax mish relu relu6 selu sigmoid silu soft_shrink softmax softplus "
    "softsign sparse_plus sparse_sigmoid sparsemax squareplus tanh tanh_shrink threshold"
).split()

for _name in ACTIVATIONS:
    _function = {
        "threshold": lambda x: keras.activations.threshold(x, 0.2, -0.5),
    }.get(_name, _name)
    layer(f"activation_{_name}", (8,))(lambda f=_function: layers.Activation(f))
    if _name in ("gelu", "sparsemax", "glu", "softmax", "log_softmax", "mish", "celu"):
        layer(f"activation_{_name}_rank4", (3, 4, 6))(lambda f=_function: layers.Activation(f))
for _name in ("relu", "gelu", "silu", "hard_silu", "mish", "elu", "tanh", "selu", "softsign"):
    layer(f"dense_{_name}", VECTOR)(lambda n=_name: layers.Dense(5, n))
layer("gelu_approximate", SEQUENCE)(
    lambda: layers.Activation(lambda x: keras.activations.gelu(x, approximate=True))
)
layer("relu_all_options", SEQUENCE)(lambda: layers.ReLU(1.5, 0.1, 0.2))
layer("leaky_relu", IMAGE)(lambda: layers.LeakyReLU(0.2))
layer("prelu", IMAGE)(lambda: layers.PReLU())
layer("prelu_of_volumes", VOLUME)(lambda: layers.PReLU(alpha_initializer="uniform"))
layer("prelu_shared", IMAGE)(lambda: layers.PReLU(shared_axes=[1, 2]))
layer("elu", SEQUENCE)(lambda: layers.ELU(0.7))
layer("softmax_axis", IMAGE)(lambda: layers.Softmax(axis=1))
layer("softmax_two_axes", IMAGE)(lambda: layers.Softmax(axis=(1, 2)))
spec("softmax_masked", SEQUENCE)(lambda x: layers.Softmax()(x, mask=ops.greater(x, 0)))

layer("dense", VECTOR)(lambda: layers.Dense(5))
layer("dense_rank3_no_bias", SEQUENCE)(lambda: layers.Dense(5, use_bias=False))
layer("dense_rank4", IMAGE)(lambda: layers.Dense(5))
layer("dense_lora", VECTOR)(lambda: layers.Dense(5, lora_rank=2))
layer("einsum_dense", SEQUENCE)(
    lambda: layers.EinsumDense("abc,cde->abde", (None, 2, 5), bias_axes="de")
)
layer("einsum_dense_joined", (4, 3, 5))(
    lambda: layers.EinsumDense("abcd,cde->abe", (None, 6), bias_axes="e")
)
layer("embedding", (7,), dtype="int32")(lambda: layers.Embedding(20, 5))
layer("reversible_embedding", (7,), dtype="int32")(lambda: layers.ReversibleEmbedding(20, 5))
spec("tied_embedding", (7,), dtype="int32")(lambda x: _tied(x))
layer("embedding_int64", (7,), dtype="int64")(lambda: layers.Embedding(20, 5))


def _tied(x: Any) -> Any:
    table = layers.ReversibleEmbedding(20, 6, tie_weights=True)
    return table(layers.Dense(6, "tanh")(table(x)), reverse=True)


for _d, _shape in ((1, (14, 6)), (2, (9, 10, 4)), (3, (6, 7, 5, 4))):
    _conv = getattr(layers, f"Conv{_d}D")
    _back = getattr(layers, f"Conv{_d}DTranspose")
    for _name, _options in {
        "": {},
        "same": {"padding": "same"},
        "strided": {"strides": 2},
        "strided_same": {"strides": 2, "padding": "same"},
        "dilated": {"dilation_rate": 2},
        "dilated_same": {"dilation_rate": 2, "padding": "same"},
        "groups": {"groups": 2},
        "groups_same_strided": {"groups": 2, "padding": "same", "strides": 2},
        "groups_dilated": {"groups": 2, "dilation_rate": 2},
        "no_bias_relu": {"use_bias": False, "activation": "relu"},
    }.items():
        layer(f"conv{_d}d_{_name}".rstrip("_"), _shape)(
            lambda c=_conv, o=_options: c(6, 3 if "dilation_rate" not in o else 2, **o)
        )
    for _name, _options in {
        "": {},
        "same": {"padding": "same"},
        "strided": {"strides": 2},
        "strided_same": {"strides": 2, "padding": "same"},
        "strided_padded": {"strides": 2, "padding": "same", "output_padding": 1},
        "dilated": {"dilation_rate": 2},
        "no_bias_relu": {"use_bias": False, "activation": "relu"},
    }.items():
        layer(f"conv{_d}d_transpose_{_name}".rstrip("_"), _shape)(
            lambda c=_back, o=_options: c(5, 3, **o)
        )
    layer(f"upsampling{_d}d", _shape)(
        lambda d=_d: getattr(layers, f"UpSampling{d}D")(2 if d == 1 else (2,) * d)
    )
    layer(f"zero_padding{_d}d", _shape)(
        lambda d=_d: getattr(layers, f"ZeroPadding{d}D")((1, 2) if d == 1 else ((1, 2),) * d)
    )
    layer(f"cropping{_d}d", _shape)(
        lambda d=_d: getattr(layers, f"Cropping{d}D")((1, 2) if d == 1 else ((1, 2),) * d)
    )
    for _kind in ("Max", "Average"):
        _pool = getattr(layers, f"{_kind}Pooling{_d}D")
        _stem = f"{_kind.lower()}_pool{_d}d"
        layer(_stem, _shape)(lambda p=_pool: p(2))
        layer(f"{_stem}_same", _shape)(lambda p=_pool: p(2, padding="same"))
        layer(f"{_stem}_overlapping", _shape)(lambda p=_pool: p(3, strides=2, padding="same"))
        layer(f"{_stem}_dense", _shape)(lambda p=_pool: p(3, strides=1))
        _global = getattr(layers, f"Global{_kind}Pooling{_d}D")
        layer(f"global_{_stem}", _shape)(lambda p=_global: p())
        layer(f"global_{_stem}_keepdims", _shape)(lambda p=_global: p(keepdims=True))
        _adaptive = getattr(layers, f"Adaptive{_kind}Pooling{_d}D")
        layer(f"adaptive_{_stem}", _shape)(lambda p=_adaptive: p(3))
        # A largest value over a whole axis divides by zero in TensorFlow: Keras itself dies of it.
        layer(f"adaptive_{_stem}_two", _shape)(lambda p=_adaptive: p(2))
    layer(f"conv{_d}d_batchnorm_relu", _shape)(
        lambda c=_conv: keras.Sequential(
            [c(6, 3, use_bias=False), layers.BatchNormalization(), layers.ReLU()]
        )
    )
layer("conv1d_causal", (14, 6))(lambda: layers.Conv1D(6, 3, padding="causal"))
layer("conv1d_causal_dilated", (14, 6))(
    lambda: layers.Conv1D(6, 3, padding="causal", dilation_rate=3)
)
layer("conv1d_causal_groups", (14, 6))(lambda: layers.Conv1D(6, 3, padding="causal", groups=3))
layer("conv2d_mixed_strides", IMAGE)(lambda: layers.Conv2D(6, (3, 2), strides=(1, 2)))
layer("conv2d_channels_first", (4, 9, 10))(
    lambda: layers.Conv2D(6, 3, data_format="channels_first")
)
layer("max_pool2d_channels_first", (4, 9, 10))(
    lambda: layers.MaxPooling2D(2, data_format="channels_first")
)
layer("average_pool1d_channels_first", (4, 10))(
    lambda: layers.AveragePooling1D(2, data_format="channels_first")
)
layer("depthwise1d", (14, 6))(lambda: layers.DepthwiseConv1D(3, depth_multiplier=2))
layer("depthwise1d_strided", (14, 6))(lambda: layers.DepthwiseConv1D(3, 2, "same"))
layer("depthwise2d", IMAGE)(lambda: layers.DepthwiseConv2D(3))
layer("depthwise2d_multiplied", IMAGE)(
    lambda: layers.DepthwiseConv2D(3, depth_multiplier=3, strides=2, padding="same")
)
layer("depthwise2d_dilated", IMAGE)(lambda: layers.DepthwiseConv2D(3, dilation_rate=2))
layer("separable1d", (14, 6))(lambda: layers.SeparableConv1D(5, 3, depth_multiplier=2))
layer("separable1d_dilated", (14, 6))(lambda: layers.SeparableConv1D(5, 3, dilation_rate=2))
layer("separable2d", IMAGE)(lambda: layers.SeparableConv2D(5, 3, padding="same"))
layer("separable2d_strided", IMAGE)(lambda: layers.SeparableConv2D(5, 3, 2, depth_multiplier=2))
layer("upsampling2d_bilinear", IMAGE)(lambda: layers.UpSampling2D(2, interpolation="bilinear"))
layer("upsampling2d_bicubic", IMAGE)(lambda: layers.UpSampling2D(2, interpolation="bicubic"))
for _name in ("nearest", "bilinear", "bicubic", "area", "lanczos3", "lanczos5"):
    layer(f"resizing_up_{_name}", IMAGE)(lambda n=_name: layers.Resizing(13, 16, n))
    layer(f"resizing_down_{_name}", IMAGE)(lambda n=_name: layers.Resizing(5, 4, n))
layer("resizing_cropped", IMAGE)(lambda: layers.Resizing(5, 4, crop_to_aspect_ratio=True))
layer("resizing_padded", IMAGE)(lambda: layers.Resizing(5, 8, pad_to_aspect_ratio=True))
layer("resizing_antialias", IMAGE)(lambda: layers.Resizing(5, 4, antialias=True))
layer("center_crop", IMAGE)(lambda: layers.CenterCrop(5, 6))
layer("center_crop_up", IMAGE)(lambda: layers.CenterCrop(12, 14))
layer("random_crop", IMAGE)(lambda: layers.RandomCrop(5, 6))

layer("batch_norm", IMAGE)(lambda: layers.BatchNormalization())
layer("batch_norm_axis", IMAGE)(lambda: layers.BatchNormalization(axis=1, scale=False))
spec("batch_norm_masked", SEQUENCE)(lambda x: layers.BatchNormalization()(layers.Masking()(x)))
layer("layer_norm", SEQUENCE)(lambda: layers.LayerNormalization())
layer("layer_norm_axes", IMAGE)(lambda: layers.LayerNormalization(axis=(1, 2, 3)))
layer("layer_norm_first_axis", IMAGE)(lambda: layers.LayerNormalization(axis=1))
layer("layer_norm_plain", VECTOR)(lambda: layers.LayerNormalization(center=False, scale=False))
layer("group_norm", IMAGE)(lambda: layers.GroupNormalization(2))
layer("instance_norm", IMAGE)(lambda: layers.GroupNormalization(-1))
layer("group_norm_rank2", (8,))(lambda: layers.GroupNormalization(2))
layer("group_norm_axis", (6, 5, 4))(lambda: layers.GroupNormalization(3, axis=1))
layer("rms_norm", SEQUENCE)(lambda: layers.RMSNormalization())
layer("unit_norm", SEQUENCE)(lambda: layers.UnitNormalization())
spec("unit_norm_of_nothing", SEQUENCE)(
    lambda x: layers.UnitNormalization()(ops.relu(x) * ops.cast(x[..., :1] > 0, "float32"))
)
layer("unit_norm_axes", IMAGE)(lambda: layers.UnitNormalization(axis=(1, 2)))
layer("spectral_norm", IMAGE)(lambda: layers.SpectralNormalization(layers.Conv2D(5, 3)))
layer("spectral_norm_dense", VECTOR)(lambda: layers.SpectralNormalization(layers.Dense(5)))

for _name, _rnn in (("lstm", layers.LSTM), ("gru", layers.GRU), ("rnn", layers.SimpleRNN)):
    layer(_name, SEQUENCE)(lambda r=_rnn: r(5))
    layer(f"{_name}_sequences", SEQUENCE)(lambda r=_rnn: r(5, return_sequences=True))
    layer(f"{_name}_backwards", SEQUENCE)(
        lambda r=_rnn: r(5, return_sequences=True, go_backwards=True)
    )
    layer(f"{_name}_states", SEQUENCE)(
        lambda r=_rnn: r(5, return_sequences=True, return_state=True)
    )
    layer(f"{_name}_relu_no_bias", SEQUENCE)(lambda r=_rnn: r(5, activation="relu", use_bias=False))
    layer(f"{_name}_unrolled", SEQUENCE)(lambda r=_rnn: r(5, unroll=True))
    spec(f"{_name}_masked", SEQUENCE)(
        lambda x, r=_rnn: r(5, return_sequences=True)(layers.Masking()(x))
    )
    spec(f"{_name}_tokens", (7,), dtype="int32")(
        lambda x, r=_rnn: r(5)(layers.Embedding(20, 6, mask_zero=True)(x))
    )
    spec(f"{_name}_decoder", SEQUENCE, (4, 3))(
        lambda a, b, r=_rnn: r(5, return_sequences=True)(
            b, initial_state=list(r(5, return_state=True)(a)[1:])
        )
    )
    for _mode in ("concat", "sum", "mul", "ave", None):
        layer(f"{_name}_both_ways_{_mode}", SEQUENCE)(
            lambda r=_rnn, m=_mode: layers.Bidirectional(r(5, return_sequences=True), merge_mode=m)
        )
    layer(f"{_name}_both_ways_last", SEQUENCE)(lambda r=_rnn: layers.Bidirectional(r(5)))
    spec(f"{_name}_both_ways_masked", SEQUENCE)(
        lambda x, r=_rnn: layers.Bidirectional(r(5, return_sequences=True))(layers.Masking()(x))
    )
layer("gru_reset_before", SEQUENCE)(lambda: layers.GRU(5, reset_after=False))
layer("lstm_hard_sigmoid", SEQUENCE)(lambda: layers.LSTM(5, recurrent_activation="hard_sigmoid"))
layer("rnn_of_cell", SEQUENCE)(lambda: layers.RNN(layers.LSTMCell(5)))
layer("rnn_of_cells", SEQUENCE)(
    lambda: layers.RNN([layers.GRUCell(5), layers.LSTMCell(4), layers.SimpleRNNCell(3)])
)
layer("stacked_cells_states", SEQUENCE)(
    lambda: layers.RNN(
        layers.StackedRNNCells([layers.LSTMCell(5), layers.LSTMCell(4)]),
        return_sequences=True,
        return_state=True,
    )
)
for _d, _shape in ((1, (4, 8, 2)), (2, (3, 6, 6, 2)), (3, (2, 4, 4, 4, 2))):
    _rnn = getattr(layers, f"ConvLSTM{_d}D")
    layer(f"conv_lstm{_d}d", _shape)(lambda r=_rnn: r(3, 3))
    layer(f"conv_lstm{_d}d_sequences", _shape)(
        lambda r=_rnn: r(2, 3, padding="same", return_sequences=True)
    )
layer("time_distributed", (4, 6, 6, 2))(lambda: layers.TimeDistributed(layers.Conv2D(3, 3)))
layer("time_distributed_rnn", (3, 5, 4))(lambda: layers.TimeDistributed(layers.LSTM(3)))
spec("time_distributed_masked", SEQUENCE)(
    lambda x: layers.TimeDistributed(layers.Dense(3))(layers.Masking()(x))
)

spec("attention_self", SEQUENCE)(lambda x: layers.MultiHeadAttention(2, 4)(x, x))
spec("attention_causal", SEQUENCE)(
    lambda x: layers.MultiHeadAttention(2, 4)(x, x, use_causal_mask=True)
)
spec("attention_cross", SEQUENCE, (5, 4))(lambda a, b: layers.MultiHeadAttention(2, 3)(a, b))
spec("attention_key", SEQUENCE, (5, 4), (5, 3))(
    lambda a, b, c: layers.MultiHeadAttention(2, 3, value_dim=5, output_shape=7)(a, c, b)
)
spec("attention_scores", SEQUENCE)(
    lambda x: layers.MultiHeadAttention(2, 4)(x, x, return_attention_scores=True)
)
spec("attention_mask", SEQUENCE, (7, 7))(
    lambda x, m: layers.MultiHeadAttention(2, 4)(x, x, attention_mask=ops.greater(m, -1))
)
spec("attention_two_axes", (3, 4, 6))(
    lambda x: layers.MultiHeadAttention(2, 4, attention_axes=(1, 2))(x, x)
)
spec("attention_tokens", (7,), dtype="int32")(
    lambda x: (lambda e: layers.MultiHeadAttention(2, 4)(e, e))(
        layers.Embedding(20, 6, mask_zero=True)(x)
    )
)
spec("attention_grouped", SEQUENCE)(
    lambda x: layers.GroupQueryAttention(4, 4, 2)(x, x, use_causal_mask=True)
)
layer("attention_dot", SEQUENCE, (5, 6))(lambda: layers.Attention())
layer("attention_scaled", SEQUENCE, (5, 6), (5, 6))(lambda: layers.Attention(use_scale=True))
layer("attention_concat", SEQUENCE, (5, 6))(lambda: layers.Attention(score_mode="concat"))
layer("attention_additive", SEQUENCE, (5, 6))(lambda: layers.AdditiveAttention())
spec("attention_dot_causal_scores", SEQUENCE)(
    lambda x: layers.Attention()([x, x], use_causal_mask=True, return_attention_scores=True)
)
spec("encoder", SEQUENCE)(lambda x: encoder(x))
spec("encoder_relu", SEQUENCE)(lambda x: encoder(x, "relu"))
spec("encoder_positions", (7,), dtype="int32")(
    lambda x: layers.GlobalAveragePooling1D()(
        encoder(layers.Embedding(20, 6)(x) + layers.Embedding(7, 6)(ops.arange(7)))
    )
)


def encoder(x: Any, activation: str = "gelu") -> Any:
    """A Transformer block that normalizes first."""
    h = layers.LayerNormalization()(x)
    x = layers.Add()([x, layers.MultiHeadAttention(2, 4)(h, h)])
    h = layers.Dense(12, activation)(layers.LayerNormalization()(x))
    return x + layers.Dense(x.shape[-1])(layers.Dropout(0.1)(h))


for _name in ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"):
    layer(f"merge_{_name.lower()}", SEQUENCE, SEQUENCE)(lambda n=_name: getattr(layers, n)())
layer("merge_add_three_spread", SEQUENCE, (1, 6), (7, 1))(lambda: layers.Add())
layer("concatenate", SEQUENCE, SEQUENCE, SEQUENCE)(lambda: layers.Concatenate())
layer("concatenate_axis", SEQUENCE, (3, 6))(lambda: layers.Concatenate(axis=1))
layer("dot", SEQUENCE, (5, 6))(lambda: layers.Dot(axes=2))
layer("dot_normalized", VECTOR, VECTOR)(lambda: layers.Dot(axes=1, normalize=True))
layer("dot_axes", SEQUENCE, (4, 7))(lambda: layers.Dot(axes=(1, 2)))

layer("permute", IMAGE)(lambda: layers.Permute((3, 1, 2)))
layer("flatten", IMAGE)(lambda: layers.Flatten())
layer("flatten_channels_first", (4, 5, 6))(lambda: layers.Flatten("channels_first"))
layer("repeat_vector", VECTOR)(lambda: layers.RepeatVector(4))
layer("reshape", SEQUENCE)(lambda: layers.Reshape((6, -1)))
layer("zero_padding2d_uneven", IMAGE)(lambda: layers.ZeroPadding2D(((1, 0), (0, 2))))
layer("cropping_channels_first", (4, 9, 10))(
    lambda: layers.Cropping2D(2, data_format="channels_first")
)
layer("identity", SEQUENCE)(lambda: layers.Identity())
layer("input_layer", SEQUENCE)(lambda: layers.Activation("linear"))
layer("lambda", SEQUENCE)(lambda: layers.Lambda(lambda x: x * 2.0 + 1.0))
layer("masking", SEQUENCE)(lambda: layers.Masking())
spec("masked_mean", (7,), dtype="int32")(
    lambda x: layers.GlobalAveragePooling1D()(layers.Embedding(20, 5, mask_zero=True)(x))
)

layer("rescaling_uint8", IMAGE, dtype="uint8")(lambda: layers.Rescaling(1 / 255.0, -0.5))
layer("rescaling_per_channel", IMAGE)(lambda: layers.Rescaling([0.1, 0.2, 0.3, 0.4], 1.0))
layer("rescaling_int", VECTOR, dtype="int32")(lambda: layers.Rescaling(0.5))
layer("normalization", IMAGE)(
    lambda: layers.Normalization(mean=[0.1, 0.2, 0.3, 0.4], variance=[1.0, 2.0, 0.5, 0.7])
)
layer("normalization_inverse", VECTOR)(
    lambda: layers.Normalization(mean=0.3, variance=2.0, invert=True)
)
for _mode in ("int", "one_hot", "multi_hot", "count"):
    layer(f"discretization_{_mode}", VECTOR)(
        lambda m=_mode: layers.Discretization([-1.0, 0.0, 0.5], output_mode=m)
    )
    if _mode != "int":
        layer(f"category_encoding_{_mode}", (1,) if _mode == "one_hot" else (5,), dtype="int32")(
            lambda m=_mode: layers.CategoryEncoding(6, output_mode=m)
        )
        layer(f"integer_lookup_{_mode}", (1,) if _mode == "one_hot" else (5,), dtype="int64")(
            lambda m=_mode: layers.IntegerLookup(vocabulary=[1, 3, 4], output_mode=m)
        )
layer("integer_lookup", (5,), dtype="int64")(
    lambda: layers.IntegerLookup(vocabulary=[1, 3, 4], mask_token=0)
)
layer("integer_lookup_inverse", (5,), dtype="int64")(
    lambda: layers.IntegerLookup(vocabulary=[10, 30, 40, 50, 60], invert=True)
)
layer("mel_spectrogram", (600,))(
    lambda: layers.MelSpectrogram(128, 64, num_mel_bins=12, sampling_rate=8000)
)
layer("mel_spectrogram_power", (600,))(
    lambda: layers.MelSpectrogram(
        128, 64, sequence_length=100, num_mel_bins=12, sampling_rate=8000, mag_exp=1.0, window=None
    )
)
for _mode in ("log", "magnitude", "psd", "real", "imag", "angle", "stft"):
    layer(f"stft_{_mode}", (400, 1))(
        lambda m=_mode: layers.STFTSpectrogram(m, 64, 32, 64, padding="same")
    )
layer("stft_expanded", (400, 2))(
    lambda: layers.STFTSpectrogram("magnitude", 50, 30, 64, window="hamming", expand_dims=True)
)

for _name, _layer in {
    "dropout": lambda: layers.Dropout(0.5),
    "alpha_dropout": lambda: layers.AlphaDropout(0.5),
    "gaussian_dropout": lambda: layers.GaussianDropout(0.5),
    "gaussian_noise": lambda: layers.GaussianNoise(0.5),
    "spatial_dropout1d": lambda: layers.SpatialDropout1D(0.5),
    "activity_regularization": lambda: layers.ActivityRegularization(0.1),
}.items():
    layer(_name, SEQUENCE)(_layer)
layer("spatial_dropout2d", IMAGE)(lambda: layers.SpatialDropout2D(0.5))
layer("conv_transpose_with_gaps", IMAGE)(lambda: layers.Conv2DTranspose(3, 1, 2))
layer("conv_transpose_with_gaps_same", IMAGE)(
    lambda: layers.Conv2DTranspose(3, (1, 3), 2, padding="same")
)
layer("spatial_dropout3d", VOLUME)(lambda: layers.SpatialDropout3D(0.5))
