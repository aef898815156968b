"""Run with an old engine on the path: every model file of a folder on the inputs beside it.

    python old_runtime.py FOLDER

FOLDER holds NAME.tflite or NAME.onnx and NAME.npz with one array per input; it gets NAME.out.npy,
or NAME.error with the engine's words. Knows nothing of littoral.
"""

import sys
from pathlib import Path

import numpy as np


def run_tflite(path, arrays):
    try:
        from tflite_runtime.interpreter import Interpreter
    except ImportError:
        from ai_edge_litert.interpreter import Interpreter
    interpreter = Interpreter(model_path=str(path), num_threads=1)
    runner = interpreter.get_signature_runner()
    return next(iter(runner(**arrays).values()))


def run_onnx(path, arrays):
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(None, arrays)[0]


for path in sorted(Path(sys.argv[1]).iterdir()):
    run = {".tflite": run_tflite, ".onnx": run_onnx}.get(path.suffix)
    if run is not None:
        try:
            with np.load(path.with_suffix(".npz")) as arrays:
                np.save(path.with_suffix(".out.npy"), run(path, dict(arrays)))
        except Exception as error:
            path.with_suffix(".error").write_text(f"{type(error).__name__}: {error}")
