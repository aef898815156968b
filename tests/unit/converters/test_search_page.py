"""The page and the table of a search, parsed with tools that are not ours."""

import re
from html.parser import HTMLParser

import pytest
from littoral_converters.exploration.report import search_report, search_table


def result(scheme, p50, drop, size, **changes):
    return {
        "family": None,
        "format": "tflite",
        "scheme": scheme,
        "lowering": "auto",
        "float_layers": [],
        "path": f"best/variants/m.{scheme}.tflite",
        "size_bytes": size,
        "accuracy": 0.9 - drop / 100,
        "float_accuracy": 0.9,
        "drop_points": drop,
        "drop": drop,
        "latency_p50_us": p50,
        "latency_p50_us_low": p50 * 0.99,
        "latency_p50_us_high": p50 * 1.01,
        "latency_p90_us": p50 * 1.2,
        "threads": 1,
        "engine": "auto",
        "options": {},
        "is_best": False,
        "is_pareto": True,
        "passed": True,
        **changes,
    }


def payload(**changes):
    results = [
        result("static_int8", 10.0, 0.3, 40_000, is_best=True, float_layers=["<loud>", "after"]),
        result("float32", 20.0, 0.0, 160_000, threads=2),
        result("float16", 30.0, 0.1, 170_000, is_pareto=False, options={"xnnpack": "off"}),
    ]
    kept = {"layer": "<loud>", "rms_error": 0.5, "is_float": True}
    calm = {"layer": "calm", "rms_error": None, "is_float": False}
    return {
        "results": results,
        "best": results[0],
        "ruled_out": [
            out("dynamic_int8", "failed", "it loses 9.00 points of accuracy, 0.5 are allowed"),
            out("weight_int4", "twin", "it is the same file as another"),
            out("int16x8", "untried", "the budget ended before it was proved"),
        ],
        "model": "m",
        "max_drop": 0.5,
        "max_size": 200_000,
        "target": "local",
        "environment": {"cpu": "a processor", "cores": 2},
        "emulated": False,
        "sensitivity": [{"format": "tflite", "scheme": "static_int8", "layers": [kept, calm]}],
        "notes": ["int16x8 was left out: slow"],
        "warnings": ["one sample only"],
        "complete": False,
        "seconds": 12.3,
        "message": "the best file of m is best/m.tflite",
        "report": "best/report.html",
        "passed": True,
        **changes,
    }


def out(scheme, kind, reason):
    return {
        "format": "onnx",
        "scheme": scheme,
        "lowering": "auto",
        "float_layers": [],
        "kind": kind,
        "reason": reason,
        "size_bytes": 1000,
        "drop_points": 9.0,
    }


class Outline(HTMLParser):
    """Checks that elements close in order, and collects the text."""

    def __init__(self):
        super().__init__()
        self.open, self.text, self.shapes = [], "", []

    def handle_starttag(self, tag, attrs):
        self.shapes.append((tag, dict(attrs)))
        if tag not in ("meta", "br", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def parsed(page):
    outline = Outline()
    outline.feed(page)
    assert outline.open == []
    return outline


def test_the_page_says_what_was_found_and_refers_to_nothing_outside():
    page = search_report(payload())
    outline = parsed(page)
    for words in (
        "m: TFLite static_int8 in 10.0 µs",
        "float: <loud>, after",
        "it loses 9.00 points",
        "int16x8 was left out",
        "one sample only",
        "The budget ended before everything was tried",
        "<loud> (left float)",
    ):
        assert words in outline.text
    assert not re.search(r'(?:src|href)="(?!#)', page)
    assert len(page) < 100_000


def test_the_picture_has_a_shape_a_file_a_ring_a_front_file_and_one_star():
    outline = parsed(search_report(payload()))
    classes = [attrs.get("class") or "" for _, attrs in outline.shapes]
    assert sum(name.startswith("bubble") for name in classes) == 3
    assert classes.count("ring") == 2
    assert classes.count("front") == 1
    # In the picture and in the table.
    assert outline.text.count("\N{BLACK STAR}") == 2
    places = {a["class"]: float(a["cx"]) for t, a in outline.shapes if t == "circle" and "cx" in a}
    assert places["bubble s3"] < places["bubble s0"] < places["bubble s1"]


def test_up_is_better():
    outline = parsed(search_report(payload()))
    heights = {a["class"]: float(a["cy"]) for t, a in outline.shapes if t == "circle" and "cy" in a}
    assert heights["bubble s0"] < heights["bubble s1"] < heights["bubble s3"]


@pytest.mark.parametrize("message", ["no file of m has a drop of at most 0.5; nearest is x"])
def test_nothing_found_is_said_in_the_title(message):
    nothing = payload(results=[], best=None, passed=False, message=message, sensitivity=[])
    outline = parsed(search_report(nothing))
    assert "No file of m meets the demands" in outline.text
    assert message in outline.text
    assert "Files that meet the demands" not in outline.text


def test_the_table_marks_the_best_and_the_front_and_counts_what_needs_no_words():
    lines = search_table(payload()).splitlines()
    assert lines[1].startswith("best  TFLite static_int8, float: <loud>, after")
    assert lines[2].startswith("*     TFLite float32")
    assert lines[3].startswith("      TFLite float16 (xnnpack=off)")
    assert "  ONNX dynamic_int8: it loses 9.00 points of accuracy, 0.5 are allowed" in lines
    assert "1 more came out the same as another file" in lines
    assert "1 more were left untried: the same command goes on from there" in lines
    assert lines[-1] == "report: best/report.html"


def regression(**changes):
    results = [{**fields, "drop": 2.0, "accuracy": None} for fields in payload()["results"]]
    whole = payload(metric="mean_abs_error", results=results, best=results[0])
    return {**whole, "ruled_out": [], **changes}


def test_an_error_has_no_points_of_accuracy():
    for words in (search_report(regression()), search_table(regression())):
        assert "+2.00%" in words
        assert "points" not in words.replace("percentage points", "")
    assert "at most 0.5% added to the mean absolute error" in search_report(regression())
    assert "at most 0.5 points of accuracy lost" in search_report(payload())
