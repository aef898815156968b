"""Follow four sensors at once, each with a stream of its own, and say when an answer is sure."""

import sys
from itertools import zip_longest

import littoral
import numpy as np

SENSORS, SURE = 4, 0.9

with np.load(sys.argv[2]) as data:
    sequences = [x[x.any(axis=1)] for x in data["x"][:SENSORS]]
    digits = data["y"][:SENSORS]

with littoral.load(sys.argv[1]) as model:
    labels = model.card.labels
    streams = [model.stream() for _ in sequences]
    last = [None] * SENSORS
    sure = set()
    for time, readings in enumerate(zip_longest(*sequences), 1):  # they come in turn, not in order
        for number, (stream, reading) in enumerate(zip(streams, readings, strict=True)):
            if reading is None:
                continue
            scores = last[number] = stream.step(reading)
            if scores.max() > SURE and number not in sure:
                sure.add(number)
                print(f"sensor {number}: {labels[scores.argmax()]} after {time} readings")

    alone = model.stream()
    for number, sequence in enumerate(sequences):
        alone.reset()
        assert np.allclose(alone.step(sequence)[-1], last[number], atol=1e-6), (
            "streams got mixed up"
        )

right = sum(int(scores.argmax() == digit) for scores, digit in zip(last, digits, strict=True))
print(f"{right} of {SENSORS} digits recognized")
