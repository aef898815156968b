"""Recognize sequences one after the other, and show that an answer does not depend on the last."""

import sys

import littoral
import numpy as np

with np.load(sys.argv[2]) as data:
    sequences, digits = data["x"][:50], data["y"][:50]

with littoral.load(sys.argv[1]) as model:
    forward = np.stack([model.run(sequence) for sequence in sequences])
    backward = np.stack([model.run(sequence) for sequence in sequences[::-1]])[::-1]

assert np.array_equal(forward, backward), "an answer depended on what was heard before"
right = int((forward.argmax(1) == digits).sum())
print(f"{right} of {len(digits)} digits recognized, the same in either order")
