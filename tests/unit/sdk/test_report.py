import copy
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from littoral.report import bench_report, demo_report, demo_table
from littoral.report.confusion import confusion, most_confused, reading_order
from littoral.report.markup import linear_axis, log_axis, tag
from littoral.report.result import distinct_names, of_demo, pareto
from littoral.report.units import duration, interval, percent, points, size, spread
from littoral.statistics import Estimate
from report_payload import CLOTHES, FAMILIES, LANGUAGES, SCHEMES, demo_payload

VOID = {"meta", "br", "img", "link", "input", "hr"}


class Page(HTMLParser):
    """Checks that every element is closed in order, and keeps what the tests ask for."""

    def __init__(self, document):
        super().__init__()
        self.open, self.texts, self.links, self.ids, self.tags = [], [], [], [], []
        self.feed(document)
        self.close()
        assert self.open == []

    def handle_starttag(self, name, attributes):
        self.tags.append(name)
        for key, value in attributes:
            if key in ("href", "src", "xlink:href", "action", "srcset", "data"):
                self.links.append(value)
            if key == "id":
                self.ids.append(value)
        if name not in VOID:
            self.open.append(name)

    def handle_endtag(self, name):
        assert self.open.pop() == name

    def handle_data(self, data):
        self.texts.append(data)

    @property
    def text(self):
        return " ".join(self.texts)


@pytest.fixture(scope="module")
def payload():
    return demo_payload()


@pytest.fixture(scope="module")
def document(payload):
    return demo_report(payload)


def test_the_page_is_well_formed_and_light(document):
    page = Page(document)
    assert page.tags.count("main") == 2
    assert page.tags.count("h1") == 1
    assert len(document.encode()) < 1_000_000


def test_the_page_refers_to_nothing_outside_itself(document):
    page = Page(document)
    assert page.links
    assert all(link.startswith("#") for link in page.links)
    assert {link[1:] for link in page.links} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    assert not re.search(r"https?:|//[a-z]|@import|url\(", document)
    assert not {"script", "link", "img", "iframe", "object"} & set(page.tags)


def test_the_page_is_light_and_dark_and_fits_a_phone(document):
    assert "prefers-color-scheme:dark" in document
    assert 'name="viewport"' in document
    assert "color-scheme:light dark" in document


def test_every_result_is_in_its_familys_table_with_its_figures(payload, document):
    bodies = re.findall(r"<tbody>(.*?)</tbody>", document, re.DOTALL)[1:]
    assert len(bodies) == len(FAMILIES)
    for family, body in zip(FAMILIES, bodies, strict=True):
        rows = [Page(row).text for row in re.findall(r"<tr.*?</tr>", body, re.DOTALL)]
        own = [result for result in payload["results"] if result["family"] == family]
        assert len(rows) == len(own) == 8
        for row, result in zip(rows, own, strict=True):
            assert result["scheme"] in row
            assert percent(result["accuracy"]) in row
            assert duration(result["latency_p50_us"]) in row
            assert duration(result["latency_p99_us"]) in row
            assert size(result["size_bytes"]) in row
            assert "agrees" in row


def test_the_data_is_attributed_under_every_family(document):
    assert document.count("by: Somebody (1991); licence: CC BY 4.0; split:") == len(FAMILIES)


def test_every_file_is_in_both_pictures_of_its_family(document):
    for fmt in ("TFLite", "ONNX"):
        for scheme in SCHEMES:
            hints = document.count(f"<title>{fmt} {scheme}\n")
            assert hints == 2 * len(FAMILIES)


def test_the_headline_is_computed(payload):
    assert "every one proven against Keras" in demo_report(payload)
    worse = copy.deepcopy(payload)
    worse["results"][3]["passed"] = False
    document = demo_report(worse)
    assert "every one proven" not in document
    assert "1 of them disagree with Keras" in document
    assert "39 of 40" in document
    assert "differs" in document


def test_the_best_file_of_a_family_is_the_fastest_that_agrees(payload):
    changed = copy.deepcopy(payload)
    first = changed["results"][0]
    first["latency_p50_us"] = 0.5
    assert "MLP: TFLite float32 is the fastest" in demo_report(changed)
    first["passed"] = False
    assert "MLP: TFLite float32 is the fastest" not in demo_report(changed)


def test_fast_and_emulated_runs_say_so(payload):
    assert "the fast demo" in demo_report(payload)
    plain = demo_report({**payload, "fast": False})
    assert "the fast demo" not in plain
    assert "was emulated" not in plain
    assert "was emulated" in demo_report({**payload, "emulated": True})


def test_everything_that_came_from_outside_is_escaped(payload):
    hostile = "<script>alert('\"&x')</script>"
    changed = copy.deepcopy(payload)
    for result in changed["results"][:2]:
        result.update(scheme=hostile, lowering=hostile, format=hostile)
    about = changed["families"]["mlp"]
    about.update(title=hostile, labels=[hostile] * 26)
    about["data"] = {"name": hostile, "licence": hostile}
    changed["environment"] = {"cpu": hostile, hostile: hostile, "engines": {hostile: hostile}}
    document = demo_report(changed)
    assert "<script" not in document
    assert hostile in Page(document).text


def test_a_payload_of_results_alone_makes_a_page(payload):
    bare = [
        {key: result[key] for key in ("family", "format", "scheme", "path")}
        for result in payload["results"]
    ]
    document = demo_report({"results": bare})
    assert "None" not in Page(document).text
    assert "nan" not in Page(document).text.lower()
    assert len(demo_table({"results": bare}).splitlines()) == 1 + 40 + 4


def test_no_results_make_a_page_too():
    assert "0 files" in demo_report({"results": []})


def test_confusion_shows_every_count_once(payload):
    for family, about in payload["families"].items():
        picture = confusion(about["confusion"], about["labels"])
        Page(picture)
        shown = re.findall(r"<title>(.*?): (\d+) of (\d+)</title>", picture)
        assert sum(int(count) for _, count, _ in shown) == sum(map(sum, about["confusion"])), family
        right = sum(int(count) for words, count, _ in shown if words.endswith(" found"))
        matrix = about["confusion"]
        assert right == sum(matrix[index][index] for index in range(len(matrix)))


def test_letters_keep_their_order_and_relatives_become_neighbours(payload):
    letters = payload["families"]["mlp"]
    assert reading_order(letters["confusion"], letters["labels"]) == list(range(26))
    matrix = np.eye(30, dtype=int) * 50
    matrix[3, 27], matrix[27, 11] = 20, 10
    order = reading_order(matrix.tolist(), LANGUAGES)
    assert sorted(order) == list(range(30))
    assert abs(order.index(3) - order.index(27)) == 1
    assert abs(order.index(27) - order.index(11)) == 1


def test_most_confused_is_sorted_by_count():
    matrix = [[5, 1, 0], [4, 2, 3], [0, 0, 9]]
    found = most_confused(matrix, ["a", "b", "c"], 2)
    assert found == [("b", "a", 4, 9), ("b", "c", 3, 9)]


def test_a_class_without_samples_does_not_divide_by_zero():
    Page(confusion([[0, 0], [1, 3]], ["a", "b"]))
    Page(confusion([[7]], ["only"]))


def test_pareto_front_is_what_nothing_beats_in_both():
    def result(scheme, latency, accuracy):
        fields = {"latency_p50_us": latency, "accuracy": accuracy, "scheme": scheme}
        return of_demo(fields)

    fast, good, both, beaten, twin = (
        result("fast", 1, 0.90),
        result("good", 9, 0.99),
        result("both", 5, 0.95),
        result("beaten", 6, 0.94),
        result("twin", 5.5, 0.95),
    )
    assert pareto([good, beaten, twin, both, fast]) == [fast, both, good]


def test_the_table_is_aligned_and_complete(payload):
    lines = demo_table(payload).splitlines()
    assert len(lines) == 1 + 40 + 4
    column = lines[0].index("scheme")
    rows = [line for line in lines[1:] if line]
    assert {line[column:].split()[0] for line in rows} == set(SCHEMES)
    assert all(line.endswith("ok") for line in rows)
    assert max(map(len, lines)) <= 130


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "\N{EN DASH}"),
        (0.0612, "0.061 µs"),
        (4.3149, "4.31 µs"),
        (43.149, "43.1 µs"),
        (999.4, "999 µs"),
        (999.6, "1.00 ms"),
        (310_400.0, "310 ms"),
        (2_500_000.0, "2.50 s"),
    ],
)
def test_durations_have_three_digits_and_a_fitting_unit(value, expected):
    assert duration(value) == expected


def test_units():
    assert [size(n) for n in (None, 0, 999, 24_600, 1_000_000)] == [
        "\N{EN DASH}",
        "0 B",
        "999 B",
        "24.6 kB",
        "1.00 MB",
    ]
    assert percent(0.96349) == "96.35%"
    assert [points(drop) for drop in (0.25, -0.25, 0.001)] == ["-0.25", "+0.25", "±0.00"]
    assert spread(Estimate(100, 99, 102)) == "±2.0%"
    assert spread(Estimate(100, 99, None)) == "±?"
    assert interval(Estimate(4.3, 4.29, 4.35)) == "4.29 \N{EN DASH} 4.35 µs"
    assert interval(Estimate(999, 990, 1010)) == "990 µs \N{EN DASH} 1.01 ms"
    assert interval(Estimate(4.3, 4.29, None)) == "4.29 µs \N{EN DASH} ?"


def test_names_are_the_shortest_that_differ():
    assert distinct_names(["a/x.onnx", "a/y.onnx"]) == ["x.onnx", "y.onnx"]
    assert distinct_names(["a/m/x.onnx", "b/m/x.onnx"]) == ["a/m/x.onnx", "b/m/x.onnx"]
    assert distinct_names(["a/x.onnx", "a/x.onnx"]) == ["x.onnx #1", "x.onnx #2"]


def test_axes_map_ends_and_keep_what_is_outside_inside():
    axis = linear_axis(0.0, 10.0, 100.0, 0.0)
    assert (axis(0), axis(10), axis(5), axis(99), axis(-1)) == (100, 0, 50, 0, 100)
    assert axis.ticks() == [0, 2, 4, 6, 8, 10]
    decades = log_axis([1.0, 100.0], 0.0, 200.0)
    assert decades(10) == pytest.approx(100)
    assert [t for t in decades.ticks() if t in (1.0, 10.0, 100.0)] == [1.0, 10.0, 100.0]
    assert linear_axis(3.0, 3.0, 0.0, 1.0)(3.0) == 0.5
    assert log_axis([7.0], 0.0, 1.0)(7.0) == pytest.approx(0.5)


def test_markup_escapes_attributes():
    assert tag("a", "x", title='"<&>"', class_=None) == '<a title="&quot;&lt;&amp;&gt;&quot;">x</a>'


def bench_payload(count):
    fields = {
        **{"format": "onnx", "scheme": None, "engine": "onnxruntime", "threads": 1},
        **{"runs": 300, "outliers": 4, "peak_memory_bytes": None, "size_bytes": 900},
        **{"cold_start_ms": 210.0, "cold_start_ms_low": 200.0, "cold_start_ms_high": 230.0},
        **{"load_ms": 3.2, "emulated": False},
    }
    for name, value in (("p50", 20.0), ("p90", 24.0), ("p99", 61.0)):
        fields[f"latency_{name}_us"] = value
        fields[f"latency_{name}_us_low"], fields[f"latency_{name}_us_high"] = value - 1, None
    names = [f"/models/{CLOTHES[index]}<b>.onnx" for index in range(count)]
    return {
        "measurements": [{**fields, "path": name} for name in names],
        "comparison": [],
        "environment": {"cpu": "Some <CPU>", "python": "3.11", "governor": None},
        "emulated": False,
    }


@pytest.mark.parametrize("count", [1, 3, 10])
def test_the_bench_page_shows_every_file_and_every_call(count):
    rng = np.random.default_rng(0)
    rounds = [
        [rng.lognormal(9.9, 0.2, 30).astype(np.int64) for _ in range(10)] for _ in range(count)
    ]
    document = bench_report(bench_payload(count), rounds)
    page = Page(document)
    for index in range(count):
        assert f"{CLOTHES[index]}<b>.onnx: 300 calls" in page.text
    assert "<b>.onnx" not in document
    assert {link.removeprefix("#") for link in page.links} <= set(page.ids)
    assert f"{300 * count:,} calls" in page.text
    assert len(document.encode()) < 1_000_000


def test_the_bench_page_takes_a_clock_that_stands_still():
    rounds = [[np.full(5, 1000, np.int64) for _ in range(3)]]
    Page(bench_report(bench_payload(1), rounds))
    Page(bench_report(bench_payload(1), [[np.zeros(1, np.int64)]]))
