"""Python gives the numbers that other languages are held to."""

import json

import golden_vectors
import littoral
import numpy as np
import pytest
from littoral import plugins, preprocess, steps

FILES = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for path in sorted(golden_vectors.FOLDER.glob("*.json"))
}


def test_every_step_has_vectors():
    assert tuple(FILES) == plugins.names(steps)
    assert all(len(vectors["cases"]) >= 5 for vectors in FILES.values())


@pytest.mark.parametrize("step", FILES)
def test_the_numbers_are_pythons(step):
    vectors = FILES[step]
    for case in vectors["cases"]:
        raw = golden_vectors.decoded(vectors["inputs"][case["input"]])
        if case.get("refused"):
            with pytest.raises(littoral.InputError):
                preprocess.apply(case["steps"], raw)
            continue
        result = preprocess.apply(case["steps"], raw)
        allowed = case.get("tolerance", vectors["tolerance"])
        assert (list(result.shape), str(result.dtype)) == (case["shape"], case["dtype"])
        np.testing.assert_allclose(
            result.ravel(),
            case["values"],
            atol=allowed["absolute"],
            rtol=allowed["relative"],
            err_msg=case["name"],
        )


def test_the_predictions_are_pythons():
    stored = json.loads(golden_vectors.PREDICTIONS.read_text(encoding="utf-8"))
    assert stored == json.loads(json.dumps(golden_vectors.predictions()))


@pytest.mark.parametrize("step", FILES)
def test_the_files_hold_every_case_that_the_script_has(step):
    """A case that was added or changed without running the script would bind nobody."""
    inputs, cases = getattr(golden_vectors, f"{step}_cases")()
    stored = FILES[step]
    assert stored["inputs"] == json.loads(json.dumps(inputs))
    assert [(c["name"], c["input"], c["steps"]) for c in stored["cases"]] == [
        (name, source, json.loads(json.dumps(steps))) for name, source, steps in cases
    ]
