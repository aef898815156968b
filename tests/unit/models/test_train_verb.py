import json

import keras
import numpy as np
import pytest
from littoral import cli

TABLE = "\n".join(f"{i % 2},{i % 7},{'odd' if i % 2 else 'even'}" for i in range(120))


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text(f"parity,rest,class\n{TABLE}\n")
    return path


def train(*arguments):
    return cli.main(["train", *map(str, arguments)])


def test_a_table_becomes_a_model_and_the_arrays_to_convert_it(table, tmp_path, capsys):
    out, arrays = tmp_path / "m.keras", tmp_path / "arrays"
    code = train(
        *("mlp", "--out", out, "--data", table, "--epochs", 4, "--batch-size", 8),
        *("--width", 8, "--depth", 1, "--seed", 3, "--export-data", arrays, "--json"),
    )
    printed = capsys.readouterr()
    payload = json.loads(printed.out)
    assert code == 0
    assert payload["family"] == "mlp"
    assert payload["labels"] == ["even", "odd"]
    assert payload["data"]["name"] == "table.csv"
    assert payload["epochs"] == 4
    # 2 x 2 statistics, 2 x 8 product, 4 x 8 of its normalization, 8 x 2 + 2 scores
    assert payload["parameters"] == 4 + 16 + 32 + 18
    assert "train mlp [4/4]" in printed.err
    with np.load(payload["representative_data"]) as found:
        assert found["x"].shape == (96, 2)
        assert found["x"].dtype == np.float32
    with np.load(payload["evaluation_data"]) as found:
        assert found["x"].shape == (24, 2)
        np.testing.assert_array_equal(found["y"], found["x"][:, 0])
        assert found["y"].dtype == np.int64
        scores = keras.models.load_model(out).predict(found["x"], verbose=0)
        assert payload["accuracy"] == pytest.approx(np.mean(scores.argmax(axis=1) == found["y"]))


@pytest.mark.slow
def test_what_a_person_reads(table, tmp_path, capsys):
    out = tmp_path / "m.keras"
    assert train("mlp", "--out", out, "--data", table, "--epochs", 1, "--width", 4) == 0
    said = capsys.readouterr().out
    assert str(out) in said
    assert "after 1 epochs" in said
    assert "next:" not in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "required"),
        (["quantum"], "required: --out"),
        (["quantum", "--out", "m.keras"], "unknown recipe 'quantum'"),
        (["mlp", "--out", "m.keras", "--data", "absent"], "no data at absent"),
        (["mlp", "--out", "m.h5"], "must end in .keras"),
        (["mlp", "--out", "m.keras", "--cell", "gru"], "no setting cell"),
        (["mlp", "--out", "m.keras", "--epochs", "many"], "invalid int value"),
        (["lstm", "--out", "m.keras", "--data", "letter"], "sequences"),
        (["mlp", "--out", "m.keras", "--export-data", "/proc/nowhere"], "cannot write"),
    ],
)
def test_bad_usage_is_one_line(arguments, words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert train(*arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert len(printed.err.strip().splitlines()) == 1
    assert words in printed.err
    assert list(tmp_path.iterdir()) == []


def test_interruption_leaves_nothing_under_the_final_name(table, tmp_path, monkeypatch, capsys):
    from littoral_models import training

    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "_fit", interrupt)
    assert train("mlp", "--out", tmp_path / "m.keras", "--data", table) == 130
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]
    assert "Traceback" not in capsys.readouterr().err
