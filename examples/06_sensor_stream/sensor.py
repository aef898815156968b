"""Print the readings of one spoken digit, a row of 13 numbers at a time."""

import sys

import numpy as np

with np.load(sys.argv[1]) as data:
    sequence = data["x"][int(sys.argv[2])]

for reading in sequence[sequence.any(axis=1)]:  # what is all zeros is padding
    print(",".join(f"{value:.6f}" for value in reading), flush=True)
