"""Layers that assign to variables, keep state or draw random numbers while they answer."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from converted import randomize, worst_error
from keras import layers, ops
from littoral.errors import ConversionError
from littoral_converters import convert, verify

FORMATS = pytest.mark.parametrize("format_name", ["tflite", "onnx"])


class OnVariables(layers.Layer):
    """Reaches for TensorFlow's own variables, which Keras does not show it while it is built."""

    def compute_output_spec(self, x):
        return keras.KerasTensor(x.shape, x.dtype)


class MaskedConv(layers.Layer):
    """PixelCNN's: the kernel is masked in place before each use."""

    def __init__(self):
        super().__init__()
        self.conv = layers.Conv2D(4, 3, padding="same")

    def build(self, shape):
        self.conv.build(shape)
        self.mask = np.ones(self.conv.kernel.shape, "float32")
        self.mask[2:] = 0

    def call(self, x):
        self.conv.kernel.assign(self.conv.kernel * self.mask)
        return self.conv(x)


class Average(layers.Layer):
    """Keeps a moving average that its answer does not need."""

    def build(self, shape):
        self.mean = self.add_weight(shape=shape[1:], trainable=False)
        self.dense = layers.Dense(3)
        self.dense.build(shape)

    def call(self, x):
        self.mean.assign(0.9 * self.mean + 0.1 * ops.mean(x, 0))
        return self.dense(x)


class Steps(OnVariables):
    """Adds up in a variable what one call needs, and begins anew at the next one."""

    def build(self, shape):
        self.sum = self.add_weight(shape=(4,), trainable=False)

    def call(self, x):
        self.sum.assign(ops.ones((4,)))
        self.sum.value.assign_add([1.0, 2.0, 3.0, 4.0])
        before = x * self.sum
        self.sum.value.assign_sub([0.5, 0.5, 0.5, 0.5])
        return before + ops.square(x) * self.sum


class Counting(layers.Layer):
    def build(self, shape):
        self.count = self.add_weight(shape=(), initializer="zeros", trainable=False)

    def call(self, x):
        self.count.assign_add(1.0)
        return x + self.count


class InABranch(OnVariables):
    def build(self, shape):
        self.count = self.add_weight(shape=(), initializer="zeros", trainable=False)

    def call(self, x):
        def more():
            self.count.value.assign_add(1.0)
            return x

        return tf.cond(tf.reduce_sum(x) > 0, more, lambda: x) + self.count


class Sampling(layers.Layer):
    def __init__(self, generator=True, **options):
        super().__init__(**options)
        self.seed = keras.random.SeedGenerator(1) if generator else 1

    def call(self, mean):
        return mean + keras.random.normal((1, 4), seed=self.seed)


class Walk(layers.Layer):
    """Draws in a loop, from a seed that every turn counts up."""

    def __init__(self, **options):
        super().__init__(**options)
        self.seed = keras.random.SeedGenerator(1)

    def call(self, x):
        def turn(at, x):
            return at + 1, x + keras.random.normal((1, 4), seed=self.seed)

        return tf.while_loop(lambda at, x: at < tf.shape(x)[1], turn, (0, x))[1]


class Shaken(layers.Layer):
    def call(self, x):
        return x + tf.random.normal(tf.shape(x))


class ShakenInTraining(layers.Layer):
    def call(self, x, training=False):
        return tf.cond(tf.constant(training), lambda: x + tf.random.normal(tf.shape(x)), lambda: -x)


def with_(layer, shape=(4,)):
    inputs = keras.Input(shape, name="x")
    return randomize(keras.Model(inputs, layer(inputs), name="net"))


@FORMATS
@pytest.mark.parametrize(
    ("layer", "shape"), [(MaskedConv, (8, 8, 1)), (Steps, (4,)), (Average, (4,))]
)
def test_what_is_read_after_an_assignment_is_what_was_assigned(layer, shape, format_name, tmp_path):
    assert worst_error(with_(layer(), shape), tmp_path, format_name) < 1e-5


def test_an_average_that_nothing_needs_is_left_as_it_was(tmp_path):
    model = with_(Average(name="average"), (4,))
    before = np.asarray(model.get_layer("average").mean)
    (variant,) = convert(model, tmp_path, formats=("tflite",), batch=None)
    assert verify(model, variant.path).passed
    np.testing.assert_array_equal(np.asarray(model.get_layer("average").mean), before)


@FORMATS
@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (Sampling, r"'drawn' \(Sampling\) draws random numbers at inference \(Stateless\w+\)"),
        (Walk, r"'drawn' \(Walk\) draws random numbers at inference \(Stateless\w+\)"),
        (Shaken, r"'drawn' \(Shaken\) draws random numbers at inference \(RandomStandardNormal\)"),
    ],
)
def test_a_model_that_draws_is_refused_with_the_way_out(layer, reason, format_name, tmp_path):
    with pytest.raises(ConversionError, match=f"every call.*{reason}: return the mean instead"):
        convert(with_(layer(name="drawn")), tmp_path, formats=(format_name,))
    assert not list(tmp_path.iterdir())


def test_numbers_of_a_fixed_seed_are_constants(tmp_path):
    assert worst_error(with_(Sampling(generator=False)), tmp_path, "onnx") < 1e-5


def test_a_draw_that_is_never_taken_is_no_draw(tmp_path):
    assert worst_error(with_(ShakenInTraining()), tmp_path, "tflite") < 1e-5


def test_state_that_the_answer_rests_on_is_refused(tmp_path):
    with pytest.raises(ConversionError, match=r"'counting' \(Counting\) assigns.*take the state"):
        convert(with_(Counting(name="counting")), tmp_path)


def test_an_assignment_in_a_branch_is_refused(tmp_path):
    with pytest.raises(ConversionError, match=r"'maybe' \(InABranch\) assigns.*branch or a loop"):
        convert(with_(InABranch(name="maybe")), tmp_path, formats=("tflite",))
