"""Preprocessing against Pillow, Keras' resizing, SciPy and librosa's numbers."""

import io
import json
import wave
from pathlib import Path

import littoral
import numpy as np
import pytest
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st
from littoral import plugins, preprocess, steps
from littoral.steps import _wav, image, mfcc
from PIL import Image

GOLDEN = json.loads((Path(__file__).parents[2] / "golden/mfcc.json").read_text())


def picture(height, width, channels, seed=0):
    shape = (height, width, channels) if channels > 1 else (height, width)
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def step(**settings):
    return [{"step": "image", "height": 4, "width": 6, "channels": 3, **settings}]


def encoded(pixels, format="PNG"):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format)
    return stream.getvalue()


def test_no_steps_leave_an_array_as_it_is():
    np.testing.assert_array_equal(preprocess.apply([], [1, 2]), [1, 2])


def test_an_unknown_step_and_a_missing_setting_are_named():
    with pytest.raises(littoral.InputError, match="unknown step 'dance': choose from bytes, image"):
        preprocess.apply([{"step": "dance"}], 1)
    with pytest.raises(littoral.InputError, match="'bytes' lacks the setting 'length'"):
        preprocess.apply([{"step": "bytes"}], "x")


def test_every_step_is_a_file_with_apply():
    assert plugins.names(steps) == ("bytes", "image", "mfcc", "tabular")
    for name in plugins.names(steps):
        assert callable(plugins.load(steps, name).apply)


@pytest.mark.parametrize("sizes", [(9, 7), (3, 20), (28, 28), (4, 6)])
@pytest.mark.parametrize("filter", ["bilinear", "nearest"])
def test_resizing_equals_the_sampling_formula_pixel_by_pixel(sizes, filter):
    pixels = picture(*sizes, 3).astype(np.float32)
    result = image.resize(pixels, 4, 6, filter)
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
    ours = image.resize(pixels[:, :, None], 4, 6, "area")[:, :, 0]
    if sizes == (8, 12):  # whole pixels: Pillow does not weigh parts of a pixel by their share
        np.testing.assert_allclose(ours, theirs, atol=1e-3)
    np.testing.assert_allclose(ours.mean(), pixels.mean(), rtol=1e-5)


@pytest.mark.parametrize("sizes", [(2, 3), (1, 1)])
def test_enlarging_bilinearly_equals_pillow(sizes):
    pixels = picture(*sizes, 1).astype(np.float32)
    theirs = np.asarray(Image.fromarray(pixels).resize((6, 4), Image.Resampling.BILINEAR))
    ours = image.resize(pixels[:, :, None], 4, 6, "bilinear")[:, :, 0]
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
    with pytest.raises(littoral.InputError, match="2 channels"):
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
    with pytest.raises(littoral.InputError, match="unknown filter 'magic': choose from bilinear"):
        preprocess.apply(step(filter="magic"), picture(9, 9, 3))


def test_without_pillow_the_extra_is_named(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(littoral.EngineNotInstalled, match=r"littoral\[image\]"):
        preprocess.apply(step(), b"anything")


def golden_signal():
    n = np.arange(4000)
    tone = 0.5 * np.sin(2 * np.pi * (200 + 0.4 * n) * n / 8000) * np.exp(-n / 2500)
    return (tone + 0.01 * np.cos(n * n * 0.37)).round(6)


@pytest.mark.parametrize(
    "case", GOLDEN["cases"], ids=lambda case: str(case["settings"]["fft_length"])
)
def test_mfcc_equals_librosas_numbers(case):
    result = mfcc.mfcc(golden_signal(), **case["settings"])
    np.testing.assert_allclose(result, case["mfcc"], atol=2e-4)


def test_the_mfcc_step_cuts_and_pads_to_its_frames():
    settings = {"step": "mfcc", **GOLDEN["cases"][0]["settings"]}
    whole = np.array(GOLDEN["cases"][0]["mfcc"])
    short = preprocess.apply([{**settings, "frames": 10}], (8000, golden_signal()))
    long = preprocess.apply([{**settings, "frames": 40}], (8000, golden_signal()))
    assert short.dtype == np.float32
    np.testing.assert_allclose(short, whole[:10], atol=2e-4)
    np.testing.assert_allclose(long[: len(whole)], whole, atol=2e-4)
    assert not long[len(whole) :].any()


def wav(samples, rate=8000, width=2, channels=1):
    stream = io.BytesIO()
    with wave.open(stream, "wb") as recording:
        recording.setnchannels(channels)
        recording.setsampwidth(width)
        recording.setframerate(rate)
        recording.writeframes(samples)
    return stream.getvalue()


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_pcm_of_every_width(width):
    values = np.array([0, 0.5, -0.5, -1])
    if width == 1:
        data = (values * 128 + 128).astype(np.uint8).tobytes()
    else:
        whole = (values * 2 ** (8 * width - 1)).astype(np.int64)
        data = b"".join(int(v).to_bytes(width, "little", signed=True) for v in whole)
    rate, samples = _wav.read(wav(data, 11025, width))
    assert rate == 11025
    np.testing.assert_array_equal(samples, values)


def test_channels_are_averaged():
    data = np.array([[1000, 3000], [-4000, 0]], "<i2").tobytes()
    _, samples = _wav.read(wav(data, channels=2))
    np.testing.assert_array_equal(samples * 32768, [2000, -2000])
    np.testing.assert_array_equal(_wav.to_float(np.array([[0.5, 1.0]])), [0.75])


def test_integer_samples_become_fractions():
    np.testing.assert_array_equal(_wav.to_float(np.array([-32768, 16384], np.int16)), [-1, 0.5])
    np.testing.assert_array_equal(_wav.to_float(np.array([0, 192], np.uint8)), [-1, 0.5])


@pytest.mark.parametrize("rates", [(44100, 8000), (8000, 16000), (16000, 8000), (22050, 16000)])
def test_resampling_equals_scipys_polyphase_filter(rates):
    signal = np.random.default_rng(0).standard_normal(1000)
    divisor = np.gcd(*rates)
    theirs = scipy.signal.resample_poly(signal, rates[1] // divisor, rates[0] // divisor)
    ours = _wav.resample(signal, *rates)
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours, theirs, atol=1e-9)


def test_a_tone_keeps_its_pitch_and_height():
    time = np.arange(44100) / 44100
    ours = _wav.resample(np.sin(2 * np.pi * 440 * time), 44100, 8000)
    expected = np.sin(2 * np.pi * 440 * np.arange(8000) / 8000)
    np.testing.assert_allclose(ours[100:-100], expected[100:-100], atol=5e-3)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ("absent.wav", "absent.wav cannot be read"),
        (b"RIFFjunk", "no PCM .wav"),
        (wav(b""), "holds no samples"),
        ((8000, np.array([])), "expected samples"),
        ((8000, np.array([np.nan])), "NaN"),
        ((8000, np.zeros((2, 2, 2))), "expected samples"),
        (7, "came int"),
    ],
)
def test_what_is_no_recording(raw, message):
    settings = {"step": "mfcc", **GOLDEN["cases"][0]["settings"], "frames": 10}
    with pytest.raises(littoral.InputError, match=message):
        preprocess.apply([settings], raw)


@given(st.text(max_size=40), st.integers(1, 50))
@settings(max_examples=100, deadline=None)
def test_text_becomes_its_bytes_plus_one(text, length):
    numbers = preprocess.apply([{"step": "bytes", "length": length}], text)
    assert numbers.shape == (length,)
    assert numbers.dtype == np.int32
    kept = bytes(int(n) - 1 for n in numbers if n)
    assert kept == text.encode()[:length]
    assert not numbers[len(kept) :].any()


def test_bytes_are_taken_as_they_are_and_numbers_refused():
    np.testing.assert_array_equal(
        preprocess.apply([{"step": "bytes", "length": 3}], b"\xff\x00"), [256, 1, 0]
    )
    with pytest.raises(littoral.InputError, match="expected a text, came int"):
        preprocess.apply([{"step": "bytes", "length": 3}], 5)


TABLE = [{"step": "tabular", "columns": ["a", "b", "c"]}]


@pytest.mark.parametrize(
    "row", [[1, 2.5, -3], {"c": -3, "a": 1, "b": 2.5}, "1, 2.5,-3", np.array([1, 2.5, -3])]
)
def test_a_row_in_every_form(row):
    result = preprocess.apply(TABLE, row)
    assert result.dtype == np.float32
    np.testing.assert_array_equal(result, [1, 2.5, -3])


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ([1, 2], "3 values .a, b, c., came 2"),
        ({"a": 1, "b": 2}, "column 'c' is missing"),
        ("1,x,3", "column 'b': 'x' is no number"),
        ([1, float("nan"), 3], "column 'b'"),
        (5, "came int"),
        ("", "came 0"),
    ],
)
def test_a_row_that_does_not_fit(row, message):
    with pytest.raises(littoral.InputError, match=message):
        preprocess.apply(TABLE, row)
