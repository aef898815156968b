"""The verbs that a device has: run, inspect."""

import csv
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import littoral
import numpy as np
import pytest
import small_models
from littoral import Card, cli, integrity
from littoral.card import CardTensor
from onnx_writer import write
from PIL import Image

LABELS = ("sea", "shore", "sky")
CARD = Card(
    "toy",
    family="mlp",
    task="classification",
    scheme="float32",
    inputs=(
        CardTensor("x", (1, 3), preprocessing=({"step": "tabular", "columns": ["a", "b", "c"]},)),
    ),
    outputs=(CardTensor("scores", (1, 3), labels=LABELS),),
    verification={"agreement": 1.0},
)


def classifier(steps=None, labels=()):
    """softmax(x), float32 [n, 3], sealed, with a card."""
    card = CARD
    if steps is not None:
        card = Card(
            "text",
            inputs=(CardTensor("x", (1, 3), preprocessing=steps),),
            outputs=(CardTensor("scores", (1, 3), labels=labels),),
        )
    content = write(
        [("x", "float32", ["n", 3])],
        [("scores", "float32", ["n", 3])],
        [("Softmax", ["x"], ["scores"], {})],
        None,
        {"littoral_card": card.to_json()},
    )
    return integrity.seal(content)


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "toy.onnx"
    path.write_bytes(classifier())
    return path


def test_run_a_batch_prints_the_accuracy(model, tmp_path, capsys):
    x = np.eye(3, dtype=np.float32)[[0, 1, 2, 2]]
    np.savez(tmp_path / "d.npz", x=x, y=np.array([0, 1, 2, 0]))
    payload = cli.call("run", [str(model), "--data", str(tmp_path / "d.npz")])
    assert payload["accuracy"] == 0.75
    assert payload["samples"] == 4
    assert [entry["labels"][0]["label"] for entry in payload["predictions"]] == [
        "sea",
        "shore",
        "sky",
        "sky",
    ]
    score = np.e / (np.e + 2)
    assert payload["predictions"][0]["labels"][0]["score"] == pytest.approx(score)
    assert cli.main(["run", str(model), str(tmp_path / "d.npz")]) == 0
    out = capsys.readouterr().out
    assert "d.npz[1]  shore 0.5761" in out
    assert "accuracy 0.7500 over 4 samples" in out


@pytest.mark.parametrize("truth", [["sea", "shore"], [0, 1], [[1, 0, 0], [0, 1, 0]], [0.0, 1.0]])
def test_run_understands_names_numbers_and_one_hot_rows(model, tmp_path, truth):
    np.savez(tmp_path / "d.npz", x=np.eye(3)[:2], y=np.array(truth))
    assert cli.call("run", [str(model), str(tmp_path / "d.npz")])["accuracy"] == 1.0


def test_run_a_table_through_the_cards_preprocessing(model, tmp_path):
    (tmp_path / "t.csv").write_text("c,a,b,y\n9,0,0,sky\n0,9,0,shore\n")
    payload = cli.call("run", [str(model), str(tmp_path / "t.csv"), "--top", "1"])
    assert [entry["labels"][0]["label"] for entry in payload["predictions"]] == ["sky", "sea"]
    assert payload["accuracy"] == 0.5
    assert len(payload["predictions"][0]["labels"]) == 1


def test_run_a_text(tmp_path):
    path = tmp_path / "text.onnx"
    path.write_bytes(classifier(({"step": "bytes", "length": 3},)))
    (tmp_path / "t.txt").write_text("a~a")
    payload = cli.call("run", [str(path), str(tmp_path / "t.txt"), "--text", "~"])
    assert [entry["labels"][0]["label"] for entry in payload["predictions"]] == ["1", "0"]


@pytest.fixture
def pictures(tmp_path):
    """A model that takes 1x3 grey pictures, and a folder of them: the brightest pixel is the class.

    Two folders are called like classes, one is not, and one file is no picture.
    """
    step = {"step": "image", "height": 1, "width": 3, "channels": 1, "scale": 1 / 255}
    path = tmp_path / "pictures.onnx"
    path.write_bytes(classifier((step,), LABELS))
    for name, pixels in (
        ("sea/a.png", [9, 0, 0]),
        ("sea/b.PNG", [0, 0, 9]),
        ("shore/c.png", [0, 9, 0]),
        ("holidays/d.png", [0, 0, 9]),
        ("e.png", [9, 0, 0]),
    ):
        file = tmp_path / "photos" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.array([pixels], np.uint8)).save(file)
    (tmp_path / "photos/notes.txt").write_text("not a picture, and not taken for one")
    return path


def test_run_a_folder_prints_what_was_taken_for_what(pictures, tmp_path, capsys):
    folder = str(tmp_path / "photos")
    payload = cli.call("run", [str(pictures), folder, "--csv", str(tmp_path / "out.csv")])
    got = [(e["input"], e.get("truth"), e["labels"][0]["label"]) for e in payload["predictions"]]
    assert got == [
        ("e.png", None, "sea"),
        ("holidays/d.png", None, "sky"),
        ("sea/a.png", "sea", "sea"),
        ("sea/b.PNG", "sea", "sky"),
        ("shore/c.png", "shore", "shore"),
    ]
    assert payload["accuracy"] == pytest.approx(2 / 3)
    assert payload["confusion"] == {
        "labels": ["sea", "shore", "sky"],
        "counts": [[1, 0, 1], [0, 1, 0], [0, 0, 0]],
    }
    with (tmp_path / "out.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["label"] for row in rows] == ["sea", "sky", "sea", "sky", "shore"]
    assert [row["truth"] for row in rows] == ["", "", "sea", "sea", "shore"]
    assert cli.main(["run", str(pictures), folder]) == 0
    out = capsys.readouterr().out
    assert "accuracy 0.6667 over 3 samples" in out
    assert "sea       1      .     1" in out


def test_run_names_what_cannot_be_read_and_goes_on(pictures, tmp_path, capsys):
    (tmp_path / "photos/sea/broken.png").write_bytes(b"no picture")
    payload = cli.call("run", [str(pictures), str(tmp_path / "photos")])
    assert (payload["samples"], payload["failed"], payload["passed"]) == (6, 1, False)
    assert cli.main(["run", str(pictures), str(tmp_path / "photos")]) == 1
    captured = capsys.readouterr()
    assert "sea/broken.png  not run: " in captured.out
    assert "Traceback" not in captured.err
    assert cli.main(["run", str(pictures), str(tmp_path / "photos/sea/broken.png")]) == 2


def test_run_a_folder_that_holds_nothing_for_the_model(pictures, model, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(littoral.InputError, match=r"holds no files that end in .png, .jpg"):
        cli.call("run", [str(pictures), str(tmp_path / "empty")])
    with pytest.raises(littoral.InputError, match="is a folder, and the model takes no files"):
        cli.call("run", [str(model), str(tmp_path / "photos")])


def test_run_tells_the_most_frequent_mistakes_of_many_classes():
    from littoral.cli import _answers

    entries = [
        {"truth": str(i), "labels": [{"label": str(i + (i % 5 == 0)), "score": 1.0}]}
        for i in [*range(20), 5, 5]
    ]
    lines = _answers.confusion_lines(_answers.judged(entries)["confusion"])
    assert lines[0] == "5 taken for 6: 3"
    assert len(lines) == 4


def test_run_a_model_that_is_no_classifier(tmp_path, capsys):
    path = tmp_path / "several.tflite"
    path.write_bytes(small_models.SEVERAL["tflite"])
    np.savez(tmp_path / "d.npz", a=np.array([[5, 7]]), b=np.array([[1, 2]]))
    payload = cli.call("run", [str(path), str(tmp_path / "d.npz")])
    assert payload["predictions"][0]["outputs"] == {"difference": [4.0, 5.0], "sum": [6.0, 9.0]}
    cli.main(["run", str(path), str(tmp_path / "d.npz")])
    assert "sum: [6.0, 9.0]" in capsys.readouterr().out


def test_run_shows_extremes_of_large_outputs(tmp_path):
    path = tmp_path / "wide.onnx"
    content = write(
        [("x", "float32", [1, 100])],
        [("y", "float32", [1, 100, 1])],
        [("Unsqueeze", ["x", "axes"], ["y"], {})],
        {"axes": np.array([2])},
    )
    path.write_bytes(content)
    np.save(tmp_path / "d.npy", np.arange(100, dtype=np.float32))
    told = cli.call("run", [str(path), str(tmp_path / "d.npy")])["predictions"][0]["outputs"]["y"]
    assert told == {"shape": [100, 1], "dtype": "float32", "min": 0.0, "max": 99.0, "mean": 49.5}


def test_run_json_is_alone_on_stdout(model, tmp_path):
    np.save(tmp_path / "d.npy", np.zeros(3))
    command = [
        sys.executable,
        "-m",
        "littoral",
        "run",
        str(model),
        str(tmp_path / "d.npy"),
        "--json",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["predictions"][0]["sample"] is None
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no input: toy.onnx takes x .N, 3.: give an .npz"),
        (["absent.npz"], "absent.npz: no such file"),
        (["--text", "sea"], "3 values .a, b, c., came 1"),
        (["--text", "1,2,3", "--top", "0"], "--top is 0"),
        (["--text", "1,2,3", "--threads", "0"], "threads is 0"),
        (["--text", "1,2,3", "--engine", "litert"], "engine litert runs tflite"),
    ],
)
def test_run_says_what_does_not_fit(model, arguments, message, capsys):
    with pytest.raises(littoral.InputError, match=message):
        cli.call("run", [str(model), *arguments])
    assert cli.main(["run", str(model), *arguments]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize(
    ("truth", "accuracy"), [([0.0, np.nan], 1.0), ([np.nan, np.nan], None), ([0.0, 1.5], 0.5)]
)
def test_run_counts_the_samples_whose_class_is_known(model, tmp_path, truth, accuracy):
    np.savez(tmp_path / "d.npz", x=np.eye(3)[:2], y=np.array(truth))
    assert cli.call("run", [str(model), str(tmp_path / "d.npz")]).get("accuracy") == accuracy


def test_run_does_not_count_an_empty_cell_as_a_class(model, tmp_path):
    (tmp_path / "t.csv").write_text("c,a,b,y\n9,0,0,sky\n0,9,0,\n")
    assert cli.call("run", [str(model), str(tmp_path / "t.csv")])["accuracy"] == 1.0


@pytest.mark.parametrize("place", ["model", "data"])
def test_a_path_that_the_system_does_not_look_up_is_one_line(model, place, capsys):
    """Names that are too long stand in for folders that one may not look into."""
    long = "n" * 300 + ".npz"
    words = [long, "x.npz"] if place == "model" else [str(model), "--data", long]
    assert cli.main(["run", *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "ile name too long" in line


@pytest.mark.parametrize("truth", [np.array([0]), np.array(0)])
def test_run_with_labels_that_do_not_fit(model, tmp_path, truth):
    np.savez(tmp_path / "d.npz", x=np.eye(3), y=truth)
    with pytest.raises(littoral.InputError, match="3 samples but 1 labels in y"):
        cli.call("run", [str(model), str(tmp_path / "d.npz")])


def test_inspect_a_sealed_file_with_a_card(model, capsys):
    payload = cli.call("inspect", [str(model)])
    assert payload["format"] == "onnx"
    assert payload["size_bytes"] == model.stat().st_size
    assert payload["digest"] == integrity.check(model.read_bytes())
    assert payload["card"]["outputs"][0]["labels"] == LABELS
    assert payload["inputs"] == [{"name": "x", "shape": [None, 3], "dtype": "float32"}]
    assert payload["operators"] == {"Softmax": 1}
    assert cli.main(["inspect", str(model)]) == 0
    out = capsys.readouterr().out
    for told in ("digest intact", "x  float32 [any, 3]", "Softmax x1", "tabular", "sea, shore"):
        assert told in out


def test_inspect_anybodys_file(tmp_path, capsys):
    path = tmp_path / "one.tflite"
    path.write_bytes(small_models.ONE["tflite"])
    payload = cli.call("inspect", [str(path)])
    assert payload["digest"] is None
    assert payload["card"] is None
    assert json.loads(json.dumps(payload)) == payload
    cli.main(["inspect", str(path)])
    assert "no digest" in capsys.readouterr().out


def test_inspect_needs_no_engine(model):
    code = (
        "import sys; from littoral import cli; cli.main(['inspect', sys.argv[1], '--json']); "
        "bad = {'onnxruntime', 'ai_edge_litert', 'tensorflow', 'onnx'} & set(sys.modules); "
        "sys.exit(f'imported {bad}' if bad else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(model)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_inspect_bad_files(model, tmp_path, capsys):
    damaged = tmp_path / "damaged.onnx"
    damaged.write_bytes(model.read_bytes()[:-1] + b"\xff")
    (tmp_path / "empty.tflite").write_bytes(b"")
    for path, code, message in (
        (damaged, 1, "damaged"),
        (tmp_path / "empty.tflite", 1, "the file is empty"),
        (tmp_path / "absent.tflite", 2, "no such file"),
        (tmp_path, 2, "is a folder"),
    ):
        assert cli.main(["inspect", str(path)]) == code
        (line,) = capsys.readouterr().err.splitlines()
        assert message in line
        assert str(path) in line


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is full")
@pytest.mark.parametrize("more", [[], ["--json"]])
def test_a_full_disk_behind_stdout_is_one_line(model, more):
    words = [sys.executable, "-m", "littoral", "inspect", str(model), *more]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "littoral: cannot write to stdout: No space left on device\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is full")
@pytest.mark.parametrize("stderr", ["2>&-", "2>/dev/full", "2> >(true)"])
def test_work_is_done_though_nobody_can_read_of_its_progress(model, tmp_path, stderr):
    words = f"{sys.executable} -m littoral compare {model} {model} --no-latency --json {stderr}"
    done = subprocess.run(["bash", "-c", words], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0
    assert json.loads(done.stdout)["max_difference"] == 0.0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is full")
def test_an_error_ends_with_its_exit_code_though_nobody_can_read_it(tmp_path):
    words = f"{sys.executable} -m littoral inspect absent.onnx 2>/dev/full"
    assert subprocess.run(["bash", "-c", words], cwd=tmp_path).returncode == 2


def test_a_reader_that_went_away_is_left_in_peace(model):
    words = [sys.executable, "-m", "littoral", "steps"]
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(words, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


def test_characters_that_the_terminal_lacks_are_replaced(tmp_path):
    steps = ({"step": "tabular", "columns": ["a", "b", "c"]},)
    (tmp_path / "toy.onnx").write_bytes(
        classifier(steps, ("caf\N{LATIN SMALL LETTER E WITH ACUTE}", "b", "c"))
    )
    words = [sys.executable, "-m", "littoral", "inspect", str(tmp_path / "toy.onnx")]
    told = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(words, capture_output=True, env=told, check=False)
    assert done.returncode == 0, done.stderr
    assert b"scores means caf?, b, c" in done.stdout


def test_a_missing_file_among_several_inputs_is_named_and_the_others_run(model, tmp_path, capsys):
    np.save(tmp_path / "good.npy", np.eye(3, dtype=np.float32))
    good, missing = str(tmp_path / "good.npy"), str(tmp_path / "nosuch.npz")
    assert cli.main(["run", str(model), missing, good]) == 1
    out = capsys.readouterr().out
    assert f"{missing}  not run: {missing}: no such file" in out
    assert "good.npy[2]  sky" in out
    assert cli.main(["run", str(model), missing]) == 2


def test_a_keras_file_is_refused_by_profile_in_a_persons_words(tmp_path, capsys):
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
        archive.writestr("config.json", '{"class_name": "Functional", "config": {"layers": []}}')
    path = str(tmp_path / "m.keras")
    assert cli.main(["profile", path]) == 1
    told = f"littoral: {path}: a Keras file is what `littoral convert` starts from"
    assert capsys.readouterr().err.startswith(told)
    assert cli.call("inspect", [path])["weights"] == {"file": Path(path).stat().st_size}


@pytest.mark.parametrize(
    ("option", "words"),
    [
        (["--until", "x"], "'x' is no share: give 2% or 0.02"),
        (["--period", "soon"], "'soon' is no time: give 10ms or 0.01"),
    ],
)
def test_bench_says_what_an_option_takes(model, capsys, option, words):
    assert cli.main(["bench", str(model), *option]) == 2
    assert words in capsys.readouterr().err
