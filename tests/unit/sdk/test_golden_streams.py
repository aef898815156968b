"""The step models in tests/golden/streams say what Keras said when they were made."""

import json
from pathlib import Path

import littoral
import numpy as np
import pytest

FOLDER = Path(__file__).parents[2] / "golden/streams"
GOLDEN = json.loads((FOLDER / "golden.json").read_text())


@pytest.mark.parametrize("file", GOLDEN["files"])
@pytest.mark.parametrize("chunk", [1, 3, 100])
def test_streams_give_the_golden_outputs_one_sequence_after_the_other(file, chunk):
    with littoral.load(FOLDER / file, verify=True) as model, model.stream() as stream:
        for sequence in GOLDEN["sequences"]:
            stream.reset()
            x = np.array(sequence["inputs"]["x"], np.float32)
            pieces = [stream.step(x[at : at + chunk]) for at in range(0, len(x), chunk)]
            for name, values in sequence["outputs"].items():
                got = np.concatenate([piece[name] for piece in pieces])
                np.testing.assert_allclose(got, values, rtol=0, atol=GOLDEN["tolerance"])
