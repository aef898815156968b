"""Pictures against Pillow, tf.image and Keras."""

import io

import hypothesis
import littoral
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from littoral import preprocess
from littoral.steps import _resizing, image
from PIL import Image


def picture(height, width, channels, seed=0):
    shape = (height, width, channels) if channels > 1 else (height, width)
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def step(**settings):
    return [{"step": "image", "height": 4, "width": 6, "channels": 3, **settings}]


def encoded(pixels, format="PNG"):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format)
    return stream.getvalue()


@pytest.mark.parametrize("sizes", [(9, 7), (3, 20), (28, 28), (4, 6)])
@pytest.mark.parametrize("filter", ["bilinear", "nearest"])
def test_resizing_equals_the_sampling_formula_pixel_by_pixel(sizes, filter):
    pixels = picture(*sizes, 3).astype(np.float32)
    result = _resizing.resize(pixels, 4, 6, filter)
    for i in range(4):
        for j in range(6):
            y = min(max((i + 0.5) * sizes[0] / 4 - 0.5, 0), sizes[0] - 1)
            x = min(max((j + 0.5) * sizes[1] / 6 - 0.5, 0), sizes[1] - 1)
            if filter == "nearest":
                expected = pixels[int((i + 0.5) * sizes[0] / 4), int((j + 0.5) * sizes[1] / 6)]
            else:
                top, left = int(y), int(x)
                low, right = min(top + 1, sizes[0] - 1), min(left + 1, sizes[1] - 1)
                dy, dx = y - top, x - left
                expected = (1 - dy) * ((1 - dx) * pixels[top, left] + dx * pixels[top, right])
                expected = expected + dy * ((1 - dx) * pixels[low, left] + dx * pixels[low, right])
            np.testing.assert_allclose(result[i, j], expected, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("sizes", [(8, 12), (17, 31), (9, 7)])
def test_area_equals_pillows_box_when_it_shrinks(sizes):
    pixels = picture(*sizes, 1).astype(np.float32)
    theirs = np.asarray(Image.fromarray(pixels, mode=None).resize((6, 4), Image.Resampling.BOX))
    ours = _resizing.resize(pixels[:, :, None], 4, 6, "area")[:, :, 0]
    if sizes == (8, 12):  # whole pixels: Pillow does not weigh parts of a pixel by their share
        np.testing.assert_allclose(ours, theirs, atol=1e-3)
    np.testing.assert_allclose(ours.mean(), pixels.mean(), rtol=1e-5)


@pytest.mark.parametrize("sizes", [(2, 3), (1, 1)])
def test_enlarging_bilinearly_equals_pillow(sizes):
    pixels = picture(*sizes, 1).astype(np.float32)
    theirs = np.asarray(Image.fromarray(pixels).resize((6, 4), Image.Resampling.BILINEAR))
    ours = _resizing.resize(pixels[:, :, None], 4, 6, "bilinear")[:, :, 0]
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-3)


def test_scale_mean_and_std():
    pixels = picture(4, 6, 3)
    result = preprocess.apply(step(scale=1 / 255, mean=[0.1, 0.2, 0.3], std=[0.5, 1, 2]), pixels)
    assert result.dtype == np.float32
    expected = (pixels / 255 - [0.1, 0.2, 0.3]) / [0.5, 1, 2]
    np.testing.assert_allclose(result, expected, atol=1e-6)
    np.testing.assert_array_equal(preprocess.apply(step(), pixels), pixels)


def test_colours():
    pixels = picture(4, 6, 3)
    grey = preprocess.apply(step(channels=1), pixels)
    np.testing.assert_allclose(grey[:, :, 0], pixels @ [0.299, 0.587, 0.114], rtol=1e-5)
    theirs = np.asarray(Image.fromarray(pixels).convert("L"), np.float32)
    assert np.abs(grey[:, :, 0] - theirs).max() <= 1
    coloured = preprocess.apply(step(), picture(4, 6, 1))
    np.testing.assert_array_equal(coloured[:, :, 0], coloured[:, :, 2])
    see_through = picture(4, 6, 4)
    np.testing.assert_array_equal(preprocess.apply(step(), see_through), see_through[:, :, :3])
    with pytest.raises(littoral.InputError, match="channels is 2: expected one of 1, 3"):
        preprocess.apply(step(channels=2), pixels)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_picture_file_gives_the_pixels_that_pillow_reads(tmp_path, channels):
    pixels = picture(4, 6, channels)
    path = tmp_path / "photo.png"
    path.write_bytes(encoded(pixels))
    for raw in (path, str(path), path.read_bytes()):
        result = preprocess.apply(step(), raw)
        expected = pixels[:, :, None] if channels == 1 else pixels[:, :, :3]
        np.testing.assert_array_equal(result, np.broadcast_to(expected, (4, 6, 3)))


def test_a_picture_is_turned_as_its_camera_says():
    pixels = picture(6, 4, 3)
    stream = io.BytesIO()
    photo = Image.fromarray(pixels)
    exif = photo.getexif()
    exif[0x0112] = 6
    photo.save(stream, "PNG", exif=exif)
    np.testing.assert_array_equal(image.decode(stream.getvalue()), np.rot90(pixels, -1))


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ("absent.png", "absent.png cannot be read"),
        (b"no picture", "no picture that Pillow can read"),
        (3.5, "came float"),
        (np.zeros((2, 2, 2), np.uint8), "1, 3 or 4 channels"),
        (np.zeros((2,), np.uint8), "expected pixels"),
        (np.array([["a"]]), "expected pixels"),
        (encoded(picture(20, 20, 3))[:300], "cannot be read|no picture"),
    ],
)
def test_what_is_no_picture(raw, message):
    with pytest.raises(littoral.InputError, match=message):
        preprocess.apply(step(), raw)


def test_an_unknown_filter_is_named():
    with pytest.raises(
        littoral.InputError, match="filter is 'magic': expected one of nearest, bilinear"
    ):
        preprocess.apply(step(filter="magic"), picture(9, 9, 3))


def test_without_pillow_the_extra_is_named(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(littoral.EngineNotInstalled, match=r"littoral\[image\]"):
        preprocess.apply(step(), b"anything")


PILLOW = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos3": Image.Resampling.LANCZOS,
}


@pytest.mark.parametrize("sizes", [(9, 7), (40, 61), (3, 2), (5, 30)])
@pytest.mark.parametrize("filter", PILLOW)
def test_filters_equal_pillows_in_float_and_within_a_level_in_pixels(filter, sizes):
    pixels = picture(*sizes, 3)
    own = {"filter": filter, "antialias": filter != "nearest"}
    floats = [Image.fromarray(pixels[:, :, c].astype(np.float32)) for c in range(3)]
    theirs = np.stack([np.asarray(f.resize((6, 4), PILLOW[filter])) for f in floats], axis=2)
    np.testing.assert_allclose(preprocess.apply(step(**own), pixels), theirs, atol=1e-3)
    pixels = pixels // 2 + 64  # Pillow clips between its two passes, too
    theirs = np.asarray(Image.fromarray(pixels).resize((6, 4), PILLOW[filter]))
    ours = preprocess.apply(step(**own, dtype="uint8"), pixels)
    assert ours.dtype == np.uint8
    assert np.abs(ours.astype(int) - theirs).max() <= 1


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [(9, 7), (40, 61), (3, 2), (5, 30)])
def test_filters_equal_tensorflows(sizes):
    import tensorflow as tf

    pixels = picture(*sizes, 3).astype(np.float32)
    for filter in ("nearest", "bilinear", "bicubic", "area"):
        ours = preprocess.apply(step(filter=filter), pixels)
        theirs = tf.image.resize(pixels, (4, 6), filter)
        # TensorFlow looks its cubic weights up in a table of 1024.
        allowed = 0.2 if filter == "bicubic" else 1e-3
        np.testing.assert_allclose(ours, theirs, atol=allowed, err_msg=filter)
    for filter in ("bilinear", "bicubic", "lanczos3"):
        ours = preprocess.apply(step(filter=filter, antialias=True), pixels)
        theirs = tf.image.resize(pixels, (4, 6), filter, antialias=True)
        np.testing.assert_allclose(ours, theirs, atol=1e-2, err_msg=filter)


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [(9, 17), (13, 5), (40, 61), (2, 3), (7, 1)])
def test_crop_and_pad_equal_keras(sizes):
    import keras

    pixels = picture(*sizes, 3).astype(np.float32)
    for fit, theirs in (
        ("crop", {"crop_to_aspect_ratio": True}),
        ("pad", {"pad_to_aspect_ratio": True, "fill_value": 114.0}),
    ):
        expected = keras.ops.image.resize(pixels, (4, 6), **theirs)
        ours = preprocess.apply(step(fit=fit, fill=114 if fit == "pad" else 0), pixels)
        np.testing.assert_allclose(ours, expected, atol=1e-3, err_msg=fit)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("application", "settings"),
    [
        ("mobilenet_v2", {"scale": 1 / 127.5, "mean": 1}),
        (
            "densenet",
            {"scale": 1 / 255, "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]},
        ),
        ("resnet50", {"order": "bgr", "mean": [103.939, 116.779, 123.68]}),
    ],
)
def test_the_preprocessing_of_keras_applications(application, settings):
    import keras

    pixels = picture(4, 6, 3)
    module = getattr(keras.applications, application)
    theirs = module.preprocess_input(pixels.astype(np.float32))
    np.testing.assert_allclose(preprocess.apply(step(**settings), pixels), theirs, atol=1e-4)


def test_shorter_side_is_what_is_resized_to_before_the_middle_is_cut():
    pixels = picture(30, 47, 3)
    settings = {"fit": "crop", "shorter_side": 9, "antialias": True, "dtype": "uint8"}
    ours = preprocess.apply(step(**settings), pixels).astype(int)
    resized = Image.fromarray(pixels).resize((int(9 * 47 / 30), 9), Image.Resampling.BILINEAR)
    theirs = np.asarray(resized)[2:6, 4:10]  # round((9 - 4) / 2), round((14 - 6) / 2)
    assert np.abs(ours - theirs).max() <= 1


def test_pixels_go_straight_through_as_they_are():
    pixels = picture(4, 6, 3)
    ours = preprocess.apply(step(dtype="uint8"), pixels)
    assert ours.dtype == np.uint8
    np.testing.assert_array_equal(ours, pixels)
    assert not np.shares_memory(ours, pixels)
    np.testing.assert_array_equal(preprocess.apply(step(), pixels), pixels)


def test_layout_and_order():
    pixels = picture(4, 6, 3)
    first = preprocess.apply(step(layout="channels_first", mean=[1, 2, 3]), pixels)
    np.testing.assert_array_equal(first, (pixels - [1, 2, 3]).transpose(2, 0, 1))
    assert first.flags.c_contiguous
    bgr = preprocess.apply(step(order="bgr", mean=[1, 2, 3]), pixels)
    np.testing.assert_array_equal(bgr, pixels[:, :, ::-1] - [1, 2, 3])


@pytest.mark.parametrize("mode", ["L", "LA", "1", "P", "RGBA", "CMYK", "YCbCr", "I;16", "F"])
def test_every_mode_of_a_file_becomes_grey_or_colour(mode):
    shape = (4, 6, 3) if mode in ("P", "RGBA", "CMYK", "YCbCr") else (4, 6)
    level = np.full(shape, 204, np.uint8)
    if mode == "I;16":
        photo = Image.fromarray(level.astype(np.uint16) * 257)
    else:
        photo = Image.fromarray(level).convert(mode)
    stream = io.BytesIO()
    photo.save(stream, "PNG" if mode in ("L", "LA", "1", "P", "RGBA", "I;16") else "TIFF")
    pixels = image.decode(stream.getvalue())
    assert pixels.dtype == np.uint8
    assert pixels.shape[2] == (3 if len(shape) == 3 else 1)
    assert mode == "1" or np.abs(pixels.astype(int) - 204).max() <= 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"height": 0}, "height is 0: expected a whole number from 1"),
        ({"height": 10**6}, "height is 1000000"),
        ({"mean": [1, 2]}, "mean needs one number, or one for each channel"),
        ({"std": [1, 0, 1]}, "std is .*: expected numbers other than 0"),
        ({"shorter_side": 20}, "shorter_side needs fit crop"),
        ({"fit": "crop", "shorter_side": 5}, "shorter_side is less than height or width"),
        ({"dtype": "int8"}, "dtype is 'int8': expected one of float32, uint8"),
        ({"antialias": 1}, "antialias is 1: expected true or false"),
        ({"scale": float("nan")}, "scale is nan: expected a finite number"),
    ],
)
def test_settings_that_make_no_sense_are_named(changes, message):
    with pytest.raises(littoral.InputError, match=f"step 'image': {message}"):
        preprocess.apply(step(**changes), picture(4, 6, 3))


def test_a_picture_like_a_thread_is_not_padded_into_a_giant():
    with pytest.raises(littoral.InputError, match="too long and narrow to be padded"):
        preprocess.apply(step(fit="pad"), np.zeros((1, 40000, 3), np.uint8))


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's, of EXIF notes that are broken
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # and of sizes that damage made large
@pytest.mark.parametrize("format", ["PNG", "JPEG", "GIF", "BMP", "WEBP"])
@given(data=st.data())
@hypothesis.settings(max_examples=40, deadline=None)
def test_damaged_pictures_are_refused_or_read(format, data):
    content = encoded(picture(8, 8, 3), format)
    place = data.draw(st.integers(0, len(content)))
    junk = data.draw(st.binary(max_size=20))
    damaged = content[:place] + junk + content[place + data.draw(st.integers(0, 20)) :]
    try:
        pixels = image.decode(damaged)
    except littoral.InputError:
        return
    assert pixels.dtype == np.uint8
    assert pixels.ndim == 3
