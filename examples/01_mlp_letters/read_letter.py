"""Read one letter: sixteen measurements in, the letter and its score out."""

import sys

import littoral

T_SHAPED = [2, 8, 3, 5, 1, 8, 13, 0, 6, 6, 10, 8, 0, 8, 0, 8]

with littoral.load(sys.argv[1]) as model:
    scores = model.run([float(value) for value in T_SHAPED])
    best = int(scores.argmax())
    print(f"{model.card.labels[best]} {scores[best]:.3f}")
