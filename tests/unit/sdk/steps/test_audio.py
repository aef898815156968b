"""Recordings: .wav files of every kind, other formats, resampling."""

import io
import wave

import littoral
import numpy as np
import pytest
import scipy.io.wavfile
import scipy.signal
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from littoral import preprocess
from littoral.steps import _resampling, _wav

STEP = {"step": "audio", "sample_rate": 8000}


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
    ours = _resampling.resample(signal, *rates)
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours, theirs, atol=1e-9)


def test_a_tone_keeps_its_pitch_and_height():
    time = np.arange(44100) / 44100
    ours = _resampling.resample(np.sin(2 * np.pi * 440 * time), 44100, 8000)
    expected = np.sin(2 * np.pi * 440 * np.arange(8000) / 8000)
    np.testing.assert_allclose(ours[100:-100], expected[100:-100], atol=5e-3)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ("absent.wav", "absent.wav cannot be read"),
        (b"RIFFjunkWAVE", "no whole .wav"),
        (b"nonsense", "no recording that libsndfile reads"),
        (wav(b"", channels=2)[:30], "no whole .wav"),
        (("fast", np.zeros(3)), "sample rate in Hz"),
        ((0, np.zeros(3)), "sample rate in Hz"),
        ((10**6, np.zeros(3)), "sample rate in Hz"),
        ((1, np.zeros(20000)), "20000 samples at 1 Hz are 160000000 at 8000 Hz: too many"),
        (wav(bytes(4), rate=10**6), "1 channels at 1000000 Hz"),
        (wav(b""), "holds no samples"),
        ((8000, np.array([])), "expected samples"),
        ((8000, np.array([np.nan])), "NaN"),
        ((8000, np.zeros((2, 2, 2))), "expected samples"),
        (7, "came int"),
    ],
)
def test_what_is_no_recording(raw, message):
    with pytest.raises(littoral.InputError, match=message):
        preprocess.apply([STEP], raw)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32", "float64"])
def test_scipys_files_give_the_samples_that_soundfile_reads(tmp_path, dtype):
    path = tmp_path / "sound.wav"
    values = np.random.default_rng(0).uniform(-1, 1, (50, 2))
    if dtype == "uint8":
        values = (values * 127 + 128).astype(dtype)
    elif dtype.startswith("int"):
        values = (values * np.iinfo(dtype).max).astype(dtype)
    scipy.io.wavfile.write(path, 22050, values.astype(dtype))
    theirs, _ = soundfile.read(path)
    rate, ours = _wav.read(path)
    assert rate == 22050
    np.testing.assert_allclose(ours, theirs.mean(axis=1), atol=1e-12)


@pytest.mark.parametrize(
    ("format", "subtype"),
    [
        ("WAV", "PCM_24"),
        ("WAV", "FLOAT"),
        ("WAVEX", "PCM_16"),
        ("WAVEX", "FLOAT"),
        ("FLAC", "PCM_16"),
    ],
)
def test_other_kinds_of_file_give_the_samples_that_were_written(tmp_path, format, subtype):
    values = np.random.default_rng(0).integers(-32768, 32768, 300) / 32768
    path = tmp_path / "sound"
    soundfile.write(path, values, 16000, subtype=subtype, format=format)
    rate, ours = _wav.read(path)
    assert rate == 16000
    np.testing.assert_array_equal(ours, values)


def test_without_soundfile_the_extra_is_named(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(littoral.EngineNotInstalled, match=r"littoral\[audio\]"):
        preprocess.apply([STEP], b"fLaC")


def test_a_compressed_wav_says_what_to_write():
    content = bytearray(wav(bytes(20)))
    content[20] = 17  # IMA ADPCM
    with pytest.raises(littoral.InputError, match="kind 17 with 16 bits: write it as integers"):
        preprocess.apply([STEP], bytes(content))


def test_the_audio_step_cuts_pads_and_keeps_the_length():
    signal = np.linspace(-1, 1, 100)
    assert preprocess.apply([STEP], signal).shape == (100,)
    cut = preprocess.apply([{**STEP, "length": 30}], signal)
    np.testing.assert_array_equal(cut, signal[:30].astype(np.float32))
    padded = preprocess.apply([{**STEP, "length": 130}], signal)
    np.testing.assert_array_equal(padded[:100], signal.astype(np.float32))
    assert not padded[100:].any()


@given(st.binary(max_size=80), st.integers(0, 80))
@settings(max_examples=150, deadline=None)
def test_damaged_files_are_refused_or_read(junk, place):
    content = wav(bytes(range(30)), channels=2)
    damaged = content[:place] + junk + content[place + len(junk) :]
    try:
        rate, samples = _wav.read(damaged)
    except littoral.InputError:
        return
    assert rate > 0
    assert samples.ndim == 1
