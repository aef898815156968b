"""The workshop of a search, with a model that one format cannot express."""

from types import SimpleNamespace

import numpy as np
import pytest
from littoral.card import Card
from littoral.errors import ConversionError, InputError
from littoral_converters.calibration import Dataset
from littoral_converters.exploration import workshop as workshop_module
from littoral_converters.exploration.candidates import Candidate
from littoral_converters.exploration.workshop import Workshop
from littoral_converters.graphs import Form
from littoral_converters.preparation import Prepared, Request
from searching import FLOAT, ONNX, TFLITE


def prepared(formats, labels=None):
    graphs = dict.fromkeys(formats)
    reference = {"y": np.zeros((1, 2))}
    return Prepared(
        "m", Card("m"), graphs, None, Dataset({"x": np.zeros((1, 1))}, labels), reference
    )


def test_a_format_that_the_model_cannot_be_traced_for_leaves_the_other(monkeypatch):
    def prepare(model, request):
        if ONNX in request.forms or request.lowering == "fused":
            raise ConversionError("layer 'odd' cannot be traced")
        return prepared(request.forms)

    monkeypatch.setattr(workshop_module, "prepare", prepare)
    monkeypatch.setattr(workshop_module, "isolated", lambda *_, doing: b"float32")
    monkeypatch.setattr(workshop_module, "quantized", lambda job, content, *_: content)
    writer = SimpleNamespace(write=None)
    monkeypatch.setattr(
        Candidate,
        "job",
        lambda self, keep=None: SimpleNamespace(writer=writer, form=Form(self.format)),
    )
    workshop = Workshop(None, Request(forms=(TFLITE, ONNX)), lambda _: None)
    assert workshop.make(FLOAT) == b"float32"
    for refused in (Candidate("onnx", "float32"), Candidate("tflite", "float32", "fused")):
        with pytest.raises(ConversionError, match="'odd' cannot be traced"):
            workshop.make(refused)


def test_a_model_that_no_format_can_express_ends_the_search(monkeypatch):
    def prepare(model, request):
        raise ConversionError("layer 'odd' cannot be traced")

    monkeypatch.setattr(workshop_module, "prepare", prepare)
    workshop = Workshop(None, Request(forms=(TFLITE, ONNX)), lambda _: None)
    with pytest.raises(ConversionError, match="'odd'"):
        workshop.opened()


def test_labels_that_do_not_fit_the_model_are_found_before_anything_is_made(monkeypatch):
    monkeypatch.setattr(workshop_module, "prepare", lambda *_: prepared([ONNX], np.array([7])))
    with pytest.raises(InputError, match="output has 2 classes"):
        Workshop(None, Request(forms=(ONNX,)), lambda _: None).opened()
