import io
import sys

from littoral.progress import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_without_a_terminal_each_step_is_a_line(capsys):
    with Progress("convert", total=2) as progress:
        progress.step("tflite")
        progress.note("layer by layer")
        progress.step("onnx")
    assert capsys.readouterr().err == "convert [1/2] tflite\nconvert [2/2] onnx\n"


def test_work_inside_other_work_is_a_detail_of_it(capsys):
    with Progress("demo", total=1) as outer:
        outer.step("converting")
        with Progress("convert", total=8) as inner:
            inner.step("cnn as onnx")
    with Progress("convert", total=1) as alone:
        alone.step("cnn as tflite")
    assert capsys.readouterr().err == "demo [1/1] converting\nconvert [1/1] cnn as tflite\n"


def test_a_terminal_shows_one_line_and_is_left_clean(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with Progress("demo", total=2) as outer:
        outer.step("training")
        with Progress("train") as inner:
            inner.step("epoch 3")
    shown = terminal.getvalue()
    assert "\n" not in shown
    assert "demo [1/2] training: epoch 3" in shown
    assert shown.endswith("\r\x1b[2K")
