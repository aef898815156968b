"""Write tests/golden/streams: two step models, and what Keras says of whole sequences, by step.

    python tests/golden_streams.py

Run it when the form of step models changes on purpose.
"""

import json
import tempfile
from pathlib import Path

import keras
import numpy as np
from converted import randomize
from keras import layers
from littoral_converters import convert

FOLDER = Path(__file__).parent / "golden/streams"
LENGTHS = (7, 4)
FEATURES = 3


def model():
    """States of every kind: zeros and others, of one axis and two; outputs of a step and of all."""
    x = keras.Input((None, FEATURES), name="x")
    h = layers.Conv1D(4, 3, padding="causal", dilation_rate=2, name="conv")(x)
    h = layers.LSTM(4, return_sequences=True, name="lstm")(h)
    largest = layers.GlobalMaxPooling1D(name="pool")(h)
    each = layers.Dense(2, activation="softmax", name="each")(h)
    return keras.Model(
        x, {"each": each, "last": layers.Dense(3, name="last")(largest)}, name="golden"
    )


def expected(whole, sequence):
    """Keras's outputs as if the sequence ended after each step."""
    ends = [whole(sequence[None, : end + 1], training=False) for end in range(len(sequence))]
    return {
        "each": [np.asarray(end["each"])[0, -1].tolist() for end in ends],
        "last": [np.asarray(end["last"])[0].tolist() for end in ends],
    }


def main():
    whole = randomize(model())
    random = np.random.default_rng(0)
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for variant in convert(whole, folder, streaming=True):
            (FOLDER / f"golden{variant.path.suffix}").write_bytes(variant.path.read_bytes())
    sequences = []
    for length in LENGTHS:
        x = random.normal(size=(length, FEATURES)).astype("float32").round(4)
        sequences.append({"inputs": {"x": x.tolist()}, "outputs": expected(whole, x)})
    told = {"tolerance": 1e-5, "files": ["golden.tflite", "golden.onnx"], "sequences": sequences}
    (FOLDER / "golden.json").write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
