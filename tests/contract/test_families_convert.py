"""Every family, format and scheme through one test: converts, loads, agrees, keeps its accuracy."""

import keras
import littoral
import littoral_models
import numpy as np
import pytest
from converted import feeds, keras_outputs, randomize
from littoral import plugins
from littoral_converters import convert, formats, schemes
from littoral_models import families

CONFIGS = {
    "mlp": [{}],
    "cnn": [{}],
    "rnn": [{"cell": "lstm"}, {"cell": "gru"}, {"cell": "gru", "bidirectional": True}],
    "transformer": [{}],
}
COARSE = ("weight_int4",)
"""Sixteen steps are few for weights that were drawn and not learned."""

CASES = [
    (family, config) for family in plugins.names(families) for config in CONFIGS.get(family, [{}])
]


@pytest.mark.slow
@pytest.mark.parametrize("format_name", plugins.names(formats))
@pytest.mark.parametrize(("family", "config"), CASES)
def test_every_scheme_of_a_family_agrees_with_keras(family, config, format_name, tmp_path):
    model = randomize(littoral_models.build(family, **config), scale=0.25)
    names = [n for n in plugins.names(schemes) if hasattr(plugins.load(schemes, n), format_name)]
    data = feeds(model, 64, seed=1)
    labels = keras_outputs(model, data)[0].argmax(1)
    variants = []
    for tolerance, some in ((0.05, set(names) - set(COARSE)), (0.2, set(COARSE))):
        variants += convert(
            model,
            tmp_path,
            formats=(format_name,),
            schemes=sorted(some),
            representative_data=feeds(model, 64, seed=2),
            evaluation_data={**data, "y": labels},
            tolerance=tolerance,
            recommend=False,
        )
    assert sorted(variant.scheme for variant in variants) == names
    wanted = keras_outputs(model, data)[0]
    for variant in variants:
        with littoral.load(variant.path) as loaded:
            got = loaded.run(data)
        error = np.abs(got - wanted).max() / np.abs(wanted).max()
        assert error < (1e-4 if variant.scheme == "float32" else 0.3), variant.scheme
        if variant.scheme not in COARSE:
            assert np.mean(got.argmax(1) == labels) > 0.85, variant.scheme


def test_every_family_is_tried():
    assert set(CONFIGS) == set(plugins.names(families))
    assert keras.backend.backend() == "tensorflow"
