"""A Transformer of one's own, converted straight from memory."""

import sys

import keras
import numpy as np
from keras import layers
from littoral_converters import convert
from littoral_models import data


def encoder(x, width, heads):
    """One pre-norm block: attention and a GELU layer, each added to what came in."""
    h = layers.LayerNormalization()(x)
    x = x + layers.MultiHeadAttention(heads, width // heads)(h, h)
    h = layers.Dense(2 * width, activation="gelu")(layers.LayerNormalization()(x))
    return x + layers.Dense(width)(h)


texts = data.load("udhr")
length, classes = texts.x_train.shape[1], len(texts.labels)

tokens = keras.Input((length,), dtype="int32", name="tokens")
x = layers.Embedding(257, 48)(tokens)
x = x + layers.Embedding(length, 48)(keras.ops.arange(length))
x = layers.GlobalAveragePooling1D()(encoder(x, 48, 2))
outputs = layers.Dense(classes, activation="softmax", name="language")(x)
model = keras.Model(tokens, outputs, name="languages")

model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(texts.x_train, texts.y_train, batch_size=256, epochs=1, verbose=0)

variants = convert(
    model,
    sys.argv[1],
    formats=("tflite", "onnx"),
    schemes=("float32", "static_int8"),
    representative_data=texts.x_train[:256],
    evaluation_data={"tokens": texts.x_test[:500], "y": texts.y_test[:500].astype(np.int64)},
)
for variant in variants:
    proof = variant.verification
    print(f"{variant.path.name}: accuracy {proof.value:.3f}, Keras {proof.float_value:.3f}")
