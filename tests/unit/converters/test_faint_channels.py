"""Channels of no weights, or of faint ones, keep their bias in integers.

Pruned filters are such channels, and filters that a batch normalization behind them scales away.
"""

import keras
import pytest
from converted import randomize, worst_error
from keras import layers, ops

LAYERS = {
    "convolution": ((5, 6, 16), lambda: layers.Conv2D(17, 3, padding="same")),
    "depthwise": ((5, 6, 16), lambda: layers.DepthwiseConv2D(3, padding="same")),
    "dense": ((5, 16), lambda: layers.Dense(17)),
    "transposed": ((5, 6, 16), lambda: layers.Conv2DTranspose(17, 3, 2)),
    "transposed_by_steps_over_its_kernel": ((5, 6, 16), lambda: layers.Conv2DTranspose(17, 1, 2)),
}
MOST = {"static_int8": 0.06, "strict_int8": 0.06, "int16x8": 0.03}


@pytest.mark.parametrize("factor", [0.0, 1e-6])
@pytest.mark.parametrize("scheme", MOST)
@pytest.mark.parametrize("name", LAYERS)
def test_a_bias_without_weights_is_kept(name, scheme, factor, tmp_path):
    shape, make = LAYERS[name]
    inputs, layer = keras.Input(shape, name="x"), make()
    model = randomize(keras.Model(inputs, layer(inputs)), scale=0.2)
    kernel, bias = (weight.numpy() for weight in layer.weights)
    axis = -2 if "transposed" in name or name == "depthwise" else -1
    kernel.swapaxes(axis, -1)[..., :8] *= factor
    layer.set_weights([kernel, bias])
    assert worst_error(model, tmp_path, "tflite", scheme) < MOST[scheme]


class _Tied(layers.Layer):
    """Two convolutions of one kernel, the second with the larger bias."""

    def build(self, shape):
        self.kernel = self.add_weight(shape=(3, 3, 17, 17), name="kernel")
        self.biases = [self.add_weight(shape=(17,), name=f"bias_{number}") for number in (0, 1)]

    def call(self, x):
        for number, bias in enumerate(self.biases):
            x = ops.relu(ops.conv(x, self.kernel, 1, "same") + bias * 10**number)
        return x


@pytest.mark.parametrize("scheme", MOST)
def test_every_bias_of_shared_weights_is_kept(scheme, tmp_path):
    inputs, layer = keras.Input((5, 6, 17), name="x"), _Tied()
    model = randomize(keras.Model(inputs, layer(inputs)), scale=0.2)
    kernel = layer.kernel.numpy()
    kernel[..., :8] = 0
    layer.kernel.assign(kernel)
    assert worst_error(model, tmp_path, "tflite", scheme) < MOST[scheme]
