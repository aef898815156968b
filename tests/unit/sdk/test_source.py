"""Where a file comes from, and how much of it is taken."""

import io
import json
import os
import threading
import zipfile

import littoral
import numpy as np
import pytest
import small_models
from littoral import source

CONTENT = small_models.ONE["onnx"]


@pytest.mark.parametrize("form", ["path", "bytes", "stream"])
def test_a_file_larger_than_allowed_is_refused_in_every_form(form, tmp_path):
    path = tmp_path / "m.onnx"
    path.write_bytes(CONTENT)
    given = {"path": path, "bytes": CONTENT, "stream": io.BytesIO(CONTENT)}[form]
    with pytest.raises(littoral.FormatError, match=f"more than {len(CONTENT) - 1} bytes"):
        littoral.load(given, max_bytes=len(CONTENT) - 1)
    given = {"path": path, "bytes": CONTENT, "stream": io.BytesIO(CONTENT)}[form]
    with littoral.load(given, max_bytes=len(CONTENT)) as model:
        np.testing.assert_array_equal(model.run([1, 2, 3]), [2, 4, 6])


def test_a_source_without_an_end_is_left_at_the_limit():
    with pytest.raises(littoral.FormatError, match="more than 3000000 bytes"):
        littoral.load("/dev/zero", max_bytes=3_000_000)

    class Endless:
        given = 0

        def read(self, count):
            self.given += count
            return bytes(count)

    stream = Endless()
    with pytest.raises(littoral.FormatError, match="more than"):
        littoral.load(stream, max_bytes=3_000_000)
    assert stream.given < 6_000_000


def test_a_pipe_is_read_to_its_end():
    reader, writer = os.pipe()
    thread = threading.Thread(target=lambda: (os.write(writer, CONTENT), os.close(writer)))
    thread.start()
    assert source.read(f"/dev/fd/{reader}")[1] == CONTENT
    thread.join()
    os.close(reader)


def test_a_stream_of_text_is_refused():
    with pytest.raises(littoral.InputError, match="binary mode"):
        source.read(io.StringIO("text"))


def test_a_card_that_is_deep_or_bloated_is_a_format_error():
    deep = "[" * 100_000 + "]" * 100_000
    content = small_models.onnx_writer.write(
        [("x", "float32", [1])],
        [("y", "float32", [1])],
        [("Neg", ["x"], ["y"], {})],
        None,
        {"littoral_card": f'{{"schema": 1, "name": {deep}}}'},
    )
    with pytest.raises(littoral.FormatError, match="card"):
        littoral.load(content, verify=False)
    with littoral.load(littoral.integrity.seal(content)) as model:
        model.run([1])
        with pytest.raises(littoral.FormatError, match="card"):
            _ = model.card
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", json.dumps({}))
        archive.writestr("littoral_card.json", b" " * (65 << 20))
    assert len(bomb.getvalue()) < 1 << 20
    with pytest.raises(littoral.FormatError, match="more than"):
        littoral.integrity.read_card(bomb.getvalue())
