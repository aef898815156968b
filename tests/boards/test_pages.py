"""Every kind of page in a real Chromium without a network: whole, small, and fit to be read."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest
import reader
from littoral import cli, fleet
from littoral.cli import bench
from littoral.measuring import measure_interleaved
from littoral.report import bench_report, profile_report
from PIL import ImageChops

MOST_BYTES = 1_000_000
QUICK = ("--duration", "0.1")
BENCHED = ["Latency with 95% intervals", "Every timed call", "Round by round", "All figures"]


def see(page, tmp_path_factory):
    """Opened, after the checks that every page must pass."""
    assert page.stat().st_size < MOST_BYTES
    seen = reader.read(page, tmp_path_factory.mktemp("browser"))
    facts = seen.facts
    assert facts["mishaps"] == facts["fetched"] == []
    assert facts["faint"] == seen.dark_faint == []
    assert facts["touching"] == facts["outside"] == []
    assert not facts["wide"]
    assert not seen.is_wide_on_a_phone
    assert all(picture["height"] > 20 for picture in facts["pictures"])
    assert reader.colours(seen.light) > 8
    assert reader.colours(seen.dark) > 8
    assert sum(seen.light.getpixel((2, 1500))) > 700 > 100 > sum(seen.dark.getpixel((2, 1500)))
    assert ImageChops.difference(seen.light, seen.dark).getbbox() is not None
    return facts


def bars(facts, name):
    return [picture["bars"] for picture in facts["pictures"] if picture["name"].startswith(name)]


@pytest.fixture(scope="module")
def measured(files):
    return measure_interleaved(
        [files.tflite, files.onnx, files.int8, files.tflite, files.onnx],
        duration_s=0.3,
        cold_starts=1,
    )


def test_a_page_of_one_machine_with_operators(files, tmp_path, tmp_path_factory, capsys):
    page = tmp_path / "page.html"
    command = ["bench", str(files.tflite), str(files.onnx), *QUICK, "--cold-starts", "1"]
    assert cli.main([*command, "--profile", "--html", str(page)]) == 0
    assert "all operators" in capsys.readouterr().out
    facts = see(page, tmp_path_factory)
    inside = "Inside each file, on this machine"
    assert [one for one in facts["headings"] if one in (*BENCHED, inside)] == [*BENCHED, inside]
    assert "Every file on every machine, p50" not in facts["headings"]
    assert bars(facts, "Latency of every file") == [2]
    assert len(bars(facts, "Time by part")) >= 2
    assert min(bars(facts, "Time by part")) >= 1
    assert len(bars(facts, "Operators under the roofline")) == 2
    assert facts["badges"] == 0


def test_a_crowded_page_of_three_machines(measured, tmp_path, tmp_path_factory):
    """Five files on each; the one that is emulated is marked, and nothing on it is ranked."""
    results = [
        fleet.Result(
            name,
            tuple(
                dataclasses.replace(one, target=name, emulated=name == "qemu") for one in measured
            ),
        )
        for name in ("local", "qemu", "ssh://pi@raspberrypi.local:2222/data/bench")
    ]
    rounds = [one.rounds for result in results for one in result.measurements]
    page = tmp_path / "page.html"
    page.write_text(bench_report(bench._payload(results), rounds))
    facts = see(page, tmp_path_factory)
    assert "Every file on every machine, p50" in facts["headings"]
    assert bars(facts, "Latency of every file") == [5] * 3
    assert len(bars(facts, "Distribution")) == len(bars(facts, "Median of each round")) == 3
    assert facts["rows"] == 5 + 3 * 5
    assert facts["badges"] == 5, "in each of the five sections"
    assert facts["best"] == 2 * 2, "in the figures of both real ones and in their columns"
    assert [one for one in facts["titles"] if one.startswith("qemu")] == [
        "qemuemulated, not ranked"
    ] * 5


def test_the_pages_of_profile_and_compare(files, tmp_path, tmp_path_factory):
    profiled, compared = tmp_path / "profile.html", tmp_path / "compare.html"
    payload = cli.call("profile", [str(files.tflite), *QUICK])
    for place, entry in enumerate(payload["operators"]):
        # As of an unrolled recurrence, whose operators are timed together.
        entry["kind"] = "SPLIT_V+UNPACK+LOGISTIC+SPLIT+MUL+ADD+TANH+SUB"
        entry |= {"gflops": 1.0 + place / 100, "moved_bytes": 100, "macs": 100}
    profiled.write_text(profile_report(payload))
    facts = see(profiled, tmp_path_factory)
    assert "Against this machine's roofline" in facts["headings"]
    assert len(bars(facts, "Time by part")) == 3
    command = ["compare", str(files.tflite), str(files.onnx), "--data", str(files.data)]
    assert cli.main([*command, "--runs", "300", "--html", str(compared)]) == 0
    assert see(compared, tmp_path_factory)["headings"]


def test_the_pages_of_a_search_and_of_a_drift(tmp_path, tmp_path_factory):
    random = np.random.default_rng(0)
    x = random.normal(size=(64, 12)).astype(np.float32)
    inputs = keras.Input((12,), name="x")
    hidden = keras.layers.Dense(16, "relu", name="a_layer_of_a_rather_long_name")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(4, "softmax", name="scores")(hidden))
    folder = tmp_path / ("where_people_keep_their_models" * 3)
    folder.mkdir()
    source, data = folder / "net.keras", folder / "x.npz"
    model.save(source)
    np.savez(data, x=x, y=model.predict(x, verbose=0).argmax(1))
    given = ["--evaluation-data", str(data), "--representative-data", str(data)]
    command = ["search", str(source), "--out", str(folder / "best"), "--max-drop", "5", *given]
    assert cli.main([*command, "--schemes", "float32", "static_int8"]) == 0
    facts = see(folder / "best" / "report.html", tmp_path_factory)
    assert facts["headings"]
    assert facts["rows"] >= 2, facts["rows"]
    (best,) = (one for one in (folder / "best").iterdir() if one.suffix in (".tflite", ".onnx"))
    page = folder / "drift.html"
    debug = ["debug", str(source), str(best), "--data", str(data), "--html", str(page)]
    assert cli.main(debug) == 0
    assert see(page, tmp_path_factory)["pictures"]


def test_the_reader_notices_what_is_wrong(tmp_path, tmp_path_factory):
    """What the other tests trust in: a bad page is seen to be bad."""
    page = tmp_path / "bad.html"
    page.write_text(
        '<html><head></head><body style="background:#fff"><img src="http://192.0.2.1/a.png">'
        '<p style="color:#ccc">pale</p><script>absent()</script><div class="card" '
        'style="width:300px"><svg role="img" viewBox="0 0 300 40">'
        '<text x="0" y="20">one over</text>'
        '<text x="9" y="20">another</text><text x="290" y="40">sticks out</text></svg></div>'
        '<div style="width:3000px">wide</div></body></html>'
    )
    facts = reader.read(page, tmp_path_factory.mktemp("browser")).facts
    assert any("absent" in words for words in facts["mishaps"])
    assert facts["fetched"] == ["http://192.0.2.1/a.png"]
    assert [words.split()[-1] for words in facts["faint"]] == ["pale"]
    assert facts["touching"] == ["one over | another"]
    assert facts["outside"] == ["sticks out"]
    assert facts["wide"]
