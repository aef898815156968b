"""Run with an old onnxruntime on the path: a file through littoral, twice on the same inputs.

    python old_onnxruntime.py FILE INPUTS.npz [MEMORY_PATTERN]

Prints the largest difference between the two calls' answers.
"""

import sys

import littoral
import numpy as np

path, inputs, *pattern = sys.argv[1:]
with np.load(inputs) as arrays:
    data = dict(arrays)
options = {"memory_pattern": pattern[0]} if pattern else {}
with littoral.load(path, options=options) as model:
    first, second = model.run(data), model.run(data)
print(max(np.abs(first[name] - second[name]).max() for name in first))
