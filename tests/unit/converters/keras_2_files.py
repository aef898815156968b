"""Run with Keras 2 on the path: writes models as .h5 with what Keras 2 answers. Knows no littoral.

    python keras_2_files.py FOLDER

FOLDER gets NAME.h5 and NAME.npz (inputs by name, outputs as ``output_0`` and so on), halves.h5 with
the answers that it would give in single precision, layers.keras, and two files that hold what Keras
3 lacks.
"""

import shutil
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf
import tf_keras as keras
from tf_keras import layers

folder = Path(sys.argv[1])
random = np.random.default_rng(0)


def vision():
    return keras.Sequential(
        [
            layers.Input((12, 12, 3)),
            layers.Conv2D(4, 3),
            layers.BatchNormalization(),
            layers.ReLU(6.0),
            layers.DepthwiseConv2D(3),
            layers.LeakyReLU(alpha=0.1),
            layers.SeparableConv2D(4, 3, padding="same"),
            layers.Conv2DTranspose(3, 3, strides=2),
        ]
    )


def sequences():
    return keras.Sequential(
        [
            layers.Input((6, 3)),
            layers.Masking(),
            layers.Bidirectional(layers.LSTM(4, return_sequences=True)),
            layers.GRU(5, return_sequences=True, reset_after=False),
            layers.TimeDistributed(layers.Dense(3, activation="hard_sigmoid")),
            layers.RNN([layers.LSTMCell(4), layers.GRUCell(3)], return_sequences=True),
            layers.LSTM(4, recurrent_activation="hard_sigmoid"),
            layers.Activation("hard_sigmoid"),
        ]
    )


def films():
    return keras.Sequential([layers.Input((3, 5, 5, 2)), layers.ConvLSTM2D(2, 3)])


def translation():
    heard, said = layers.Input((5, 3), name="heard"), layers.Input((4, 2), name="said")
    _, *state = layers.LSTM(4, return_state=True)(heard)
    steps = layers.LSTM(4, return_sequences=True)(said, initial_state=state)
    return keras.Model([heard, said], layers.Dense(2)(steps))


def attention():
    query, key = layers.Input((6, 4), name="query"), layers.Input((5, 4), name="a key")
    seen = layers.MultiHeadAttention(2, 4)(query, key)
    return keras.Model([query, key], [seen, layers.Attention()([seen, key])])


def nested():
    inside, outside = layers.Input((4,)), layers.Input((4,), name="x")
    tower = keras.Model(inside, layers.Dense(4, activation="tanh")(inside))
    chain = keras.Sequential([layers.Dense(3), layers.BatchNormalization()])
    return keras.Model(outside, chain(layers.Subtract()([tower(tower(outside)), tower(outside)])))


def chains():
    tower = keras.Sequential(
        [
            layers.RandomFlip("horizontal", input_shape=(6, 6, 2)),
            layers.Conv2D(3, 3, name="tower/conv"),
            layers.GlobalMaxPooling2D(),
        ],
        name="tower/all",
    )
    top = keras.Sequential([layers.LSTM(4, input_shape=(4, 3)), layers.Dense(2)])
    frames = layers.TimeDistributed(tower, input_shape=(4, 6, 6, 2))
    return keras.Sequential([frames, layers.SpatialDropout1D(0.2), top], name="films/2")


def randomize(model):
    for variable in model.weights:
        values = random.normal(size=variable.shape) / 3
        variable.assign(np.abs(values) + 0.5 if "variance" in variable.name else values)


for build in (vision, sequences, films, translation, attention, nested, chains):
    model = build()
    randomize(model)
    shapes = {tensor.name: (1, *tensor.shape[1:]) for tensor in model.inputs}
    data = {name: random.normal(size=shape).astype("float32") for name, shape in shapes.items()}
    given = list(data.values())
    results = tf.nest.flatten(model(given if len(given) > 1 else given[0], training=False))
    outputs = {f"output_{index}": result.numpy() for index, result in enumerate(results)}
    np.savez(folder / f"{build.__name__}.npz", **data, **outputs)
    model.save(folder / f"{build.__name__}.h5")

keras.mixed_precision.set_global_policy("mixed_float16")
halves = chains()
halves.set_weights(model.get_weights())
halves.save(folder / "halves.h5")
shutil.copyfile(folder / "chains.npz", folder / "halves.npz")
keras.mixed_precision.set_global_policy("float32")

model.save(folder / "layers.keras")
x = layers.Input((4,))
keras.Model(x, tf.nn.relu(x)).save(folder / "function.h5")
x = layers.Input((2, 2))
keras.Model(x, layers.Softmax(axis=(1, 2))(x)).save(folder / "axes.h5")
