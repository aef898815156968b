"""Labels and normalisation out of the standard TFLite metadata that others write.

The writer here goes by the published schema's slots (slot n is at 4 + 2n), not by our code.
"""

import io
import zipfile

import flatbuffers
import littoral
import numpy as np
import pytest
from littoral import cli
from PIL import Image
from tflite_writer import Graph, Op, T, write

LABELS = "sea\ngröße\nsky\n"
AXIS_LABELS, VALUE_LABELS = 2, 3


def table(builder, slots):
    builder.StartObject(max(slots, default=0) + 1)
    for slot, (kind, value) in slots.items():
        if kind == "offset":
            builder.PrependUOffsetTRelativeSlot(slot, value, 0)
        elif kind == "ubyte":
            builder.PrependUint8Slot(slot, value, 0)
        else:
            builder.PrependInt8Slot(slot, value, 0)
    return builder.EndObject()


def offset(value):
    return "offset", value


def vector(builder, offsets):
    builder.StartVector(4, len(offsets), 4)
    for each in reversed(offsets):
        builder.PrependUOffsetTRelative(each)
    return builder.EndVector()


def floats(builder, values):
    return builder.CreateNumpyVector(np.array(values, np.float32))


def metadata(mean=(127.5,), std=(127.5,), file="labels.txt", kind=AXIS_LABELS):
    """ModelMetadata of one picture and one output with a file."""
    builder = flatbuffers.Builder(256)
    options = table(builder, {0: offset(floats(builder, mean)), 1: offset(floats(builder, std))})
    unit = table(builder, {0: ("ubyte", 1), 1: offset(options)})
    picture = table(builder, {0: ("byte", 1)})
    content = table(builder, {0: ("ubyte", 2), 1: offset(picture)})
    units = vector(builder, [unit])
    taken = table(builder, {3: offset(content), 4: offset(units)})
    name = builder.CreateString(file)
    files = vector(builder, [table(builder, {0: offset(name), 2: ("byte", kind)})])
    given = table(builder, {6: offset(files)})
    sides = {2: offset(vector(builder, [taken])), 3: offset(vector(builder, [given]))}
    graphs = vector(builder, [table(builder, sides)])
    title, licence = builder.CreateString("of somebody"), builder.CreateString("MIT")
    fields = {0: offset(title), 3: offset(graphs), 5: offset(licence)}
    builder.Finish(table(builder, fields), b"M001")
    return bytes(builder.Output())


def packed(files, **settings):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return stream.getvalue()


def model(described, behind):
    """Sums of the channels of a 2x2 picture: [1, 2, 2, 3] to [1, 3]."""
    axes = T("axes", [2], "int32", data=np.array([1, 2]))
    graph = Graph(
        [T("picture", [1, 2, 2, 3]), axes, T("sums", [1, 3])],
        [0],
        [2],
        [Op("SUM", [0, 1], [2], "ReducerOptions")],
    )
    return write(graph, metadata={"TFLITE_METADATA": described}) + behind


def test_a_picture_gets_the_labels_that_are_packed_behind_the_model(tmp_path):
    content = model(metadata(), packed({"labels.txt": LABELS}))
    path = tmp_path / "picture.png"
    pixels = np.zeros((2, 2, 3), np.uint8)
    pixels[..., 1] = 255
    Image.fromarray(pixels).save(path)
    with littoral.load(content) as loaded:
        assert loaded.card.name == "of somebody"
        assert loaded.card.data == {"licence": "MIT"}
        assert loaded.card.labels == ("sea", "größe", "sky")
        best = loaded.predict(path)[0]
        assert (best.label, best.index) == ("größe", 1)
        np.testing.assert_allclose(loaded.run((pixels - 127.5) / 127.5)[1], 4)
    (tmp_path / "m.tflite").write_bytes(content)
    payload = cli.call("inspect", [str(tmp_path / "m.tflite")])
    assert payload["card"]["outputs"][0]["labels"] == ("sea", "größe", "sky")
    assert payload["digest"] is None


@pytest.mark.parametrize(
    ("settings", "behind"),
    [
        ({}, b""),
        ({}, packed({"other.txt": LABELS})),
        ({}, packed({"labels.txt": "one\ntwo\n"})),  # the output has three
        ({}, packed({"labels.txt": b"\xff\xfe\xfa"})),
        ({}, packed({"labels.txt": LABELS})[:-9]),
        ({}, packed({"labels.txt": LABELS}).replace(b"PK\x03\x04", b"PK\x03\x05")),
        ({}, packed({"labels.txt": "x" * (1 << 23)})),
        ({"file": ""}, packed({"labels.txt": LABELS})),
        ({"kind": 5}, packed({"labels.txt": LABELS})),
    ],
)
def test_labels_that_are_not_there_leave_a_model_that_runs(settings, behind):
    with littoral.load(model(metadata(**settings), behind)) as loaded:
        assert loaded.card.labels == ()
        assert loaded.run(np.ones((2, 2, 3))).tolist() == [4, 4, 4]


def test_labels_of_values_need_not_fit_an_axis():
    content = model(metadata(kind=VALUE_LABELS), packed({"labels.txt": "one\ntwo\n"}))
    with littoral.load(content) as loaded:
        assert loaded.card.labels == ("one", "two")


@pytest.mark.parametrize(
    ("mean", "std", "wanted"),
    [
        ((0,), (255,), ([0], [255])),
        ((1, 2, 3), (4, 5, 6), ([1, 2, 3], [4, 5, 6])),
        ((1, 2), (1, 1), ([0], [1])),
        ((0,), (0,), ([0], [1])),
        ((), (), ([0], [1])),
    ],
)
def test_normalisation_that_makes_no_sense_is_left_out(mean, std, wanted):
    with littoral.load(model(metadata(mean, std), b"")) as loaded:
        (step,) = loaded.card.inputs[0].preprocessing
        assert (step["mean"], step["std"]) == wanted


@pytest.mark.parametrize("cut", [0, 3, 8, 20, 60, 100])
def test_damaged_metadata_leaves_a_model_without_a_card(cut):
    with littoral.load(model(metadata()[:cut], b"")) as loaded:
        assert loaded.card is None
        assert loaded.run(np.ones((1, 2, 2, 3))).tolist() == [[4, 4, 4]]


def test_every_damaged_byte_of_the_metadata_is_survived():
    whole = metadata()
    for place in range(0, len(whole)):
        for change in (0x01, 0x80, 0xFF):
            damaged = bytearray(whole)
            damaged[place] ^= change
            content = model(bytes(damaged), packed({"labels.txt": LABELS}))
            littoral.integrity.read_card(content)
