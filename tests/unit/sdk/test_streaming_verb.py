"""littoral run --stream: a line for each step or window."""

import io
import json
import sys
import wave

import littoral
import numpy as np
import pytest
from littoral import cli, integrity, preprocess
from littoral.card import Card, CardTensor
from onnx_writer import write
from remembering_files import summing

STEPS = np.arange(8, dtype=np.float32).reshape(4, 2)
SUMS = np.cumsum(STEPS, axis=0)
LOG_MEL = {
    "step": "log_mel",
    "sample_rate": 8000,
    "frame_length": 200,
    "frame_step": 80,
    "fft_length": 256,
    "mel_bins": 4,
    "frames": 5,
}


def listening(path):
    """Means of the levels over a window, as scores of four labels."""
    shape = (1, 5, 4)
    card = Card(
        "listening",
        inputs=(CardTensor("x", shape, preprocessing=(LOG_MEL,)),),
        outputs=(CardTensor("y", (1, 4), labels=("a", "b", "c", "d")),),
    )
    content = write(
        [("x", "float32", shape)],
        [("y", "float32", (1, 4))],
        [("ReduceMean", ["x"], ["y"], {"axes": [1], "keepdims": 0})],
        metadata={"littoral_card": card.to_json()},
    )
    path.write_bytes(integrity.seal(content))
    return path


def run(capsys, *argv):
    assert cli.main(["run", *map(str, argv)]) == 0
    return capsys.readouterr().out.splitlines()


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "summing.onnx"
    path.write_bytes(summing("onnx"))
    return path


def test_rows_on_stdin_are_answered_line_by_line(model, capsys, monkeypatch):
    rows = "".join(f"{a},{b}\n" for a, b in STEPS)
    for text in (rows, f"left,right\n{rows}"):
        monkeypatch.setattr(sys, "stdin", io.StringIO(text))
        lines = [json.loads(line) for line in run(capsys, model, "--stream", "-", "--json")]
        assert [line["step"] for line in lines] == [0, 1, 2, 3]
        got = [[each["score"] for each in sorted(line["labels"], key=str)] for line in lines]
        assert sorted(map(tuple, map(sorted, got))) == sorted(
            map(tuple, map(sorted, SUMS.tolist()))
        )


@pytest.mark.parametrize("name", ["steps.csv", "steps.npy", "steps.npz"])
def test_files_are_run_as_one_sequence(name, model, tmp_path, capsys):
    path = tmp_path / name
    if name.endswith("csv"):
        np.savetxt(path, STEPS, delimiter=",")
    elif name.endswith("npz"):
        np.savez(path, x=STEPS)
    else:
        np.save(path, STEPS)
    lines = run(capsys, model, "--stream", path, "--top", 1)
    assert lines == [f"{at}  1 {row[1]:.4f}" for at, row in enumerate(SUMS)]


def test_a_recording_is_heard_window_by_window(tmp_path, capsys):
    samples = (np.random.default_rng(0).normal(size=4000) * 8000).clip(-32768, 32767)
    path = tmp_path / "sound.wav"
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(samples.astype("<i2").tobytes())
    file = listening(tmp_path / "listening.onnx")
    out = run(capsys, file, "--stream", path, "--hop", 10, "--top", 1, "--json")
    lines = [json.loads(line) for line in out]
    assert [line["window"] for line in lines] == list(range(5))
    assert [line["seconds"] for line in lines] == [0.05, 0.15, 0.25, 0.35, 0.45]
    levels = preprocess.apply([{**LOG_MEL, "frames": None}], path)
    for line in lines:
        begin = 10 * line["window"]
        wanted = levels[begin : begin + 5].mean(axis=0)
        assert line["labels"][0]["label"] == "abcd"[wanted.argmax()]
        assert line["labels"][0]["score"] == pytest.approx(wanted.max(), abs=1e-4)
    shown = run(capsys, file, "--stream", path, "--hop", 10, "--top", 1)
    assert shown[1].startswith("0.15 s  ")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--hop", "3"], "--window, --hop and --smooth are for --stream"),
        (["--stream", "missing.npy"], "missing.npy: no such file"),
        (["photo.png", "--stream", "-"], "--stream takes its data itself"),
        (["--stream", "-", "--hop", "1"], "several inputs"),
    ],
)
def test_what_does_not_go_together_is_one_line(arguments, complaint, model, capsys):
    assert cli.main(["run", str(model), *arguments]) == 2
    error = capsys.readouterr().err
    assert complaint in error
    assert len(error.splitlines()) == 1


def test_a_row_that_is_none_ends_the_stream_with_one_line(model, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("1,2\n3,four\n"))
    assert cli.main(["run", str(model), "--stream", "-"]) == 2
    told = capsys.readouterr()
    assert len(told.out.splitlines()) == 1
    assert "row 2 is no row of numbers" in told.err


def test_a_step_model_hears_a_signal_frame_by_frame(tmp_path):
    """The sum over time of each level; what lies 80 dB below the loudest so far is cut there."""
    card = Card(
        "adding",
        inputs=(CardTensor("x", (1, 1, 4), preprocessing=({**LOG_MEL, "range_db": None},)),),
        stream=littoral.card.CardStream((littoral.card.CardState("s", "s_out"),), ("x", "y")),
    )
    content = write(
        [("x", "float32", (1, 1, 4)), ("s", "float32", (1, 1, 4))],
        [("y", "float32", (1, 1, 4)), ("s_out", "float32", (1, 1, 4))],
        [("Add", ["x", "s"], ["s_out"], {}), ("Identity", ["s_out"], ["y"], {})],
        metadata={"littoral_card": card.to_json()},
    )
    signal = np.random.default_rng(1).normal(size=1000)
    levels = preprocess.apply([{**LOG_MEL, "range_db": None, "frames": None}], signal)
    with littoral.load(integrity.seal(content)) as model, model.stream() as stream:
        assert stream.seconds == 0.01
        got = [stream.feed(signal[at : at + 130]) for at in range(0, 1000, 130)]
        got = np.concatenate([*got, stream.finish()])
    np.testing.assert_allclose(got, np.cumsum(levels, axis=0), rtol=1e-5)
