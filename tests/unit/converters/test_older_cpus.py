"""CPUs for which TensorFlow leaves out oneDNN, without which Keras lacks operators."""

import os
import subprocess
import sys

SCRIPT = """
import os, sys
import keras
import tensorflow
del os.environ["TF_ENABLE_ONEDNN_OPTS"]  # TensorFlow has read it, and does without from here on
import numpy as np
from littoral_converters import convert

x = keras.Input((9, 10, 4))
model = keras.Model(x, keras.layers.Conv2DTranspose(3, 3, dilation_rate=2)(x))
try:
    model(np.ones((1, 9, 10, 4), "float32"))
except Exception as error:
    print(type(error).__name__)
print(len(convert(model, sys.argv[1])), "files")
"""


def test_a_model_that_keras_computes_with_onednn_alone_converts(tmp_path):
    environment = {**os.environ, "TF_ENABLE_ONEDNN_OPTS": "0"}
    command = [sys.executable, "-c", SCRIPT, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.stdout.split("\n")[:2] == ["InvalidArgumentError", "2 files"], done.stderr
