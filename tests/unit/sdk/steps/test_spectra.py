"""log_mel and mfcc against librosa, Keras and tf.signal."""

import librosa
import littoral
import numpy as np
import pytest
from littoral import preprocess
from littoral.steps import _spectrum, log_mel

RATE = 16000
SIZES = {"sample_rate": RATE, "frame_length": 400, "frame_step": 160, "fft_length": 512}
LIBROSA = {"sr": RATE, "n_fft": 512, "win_length": 400, "hop_length": 160}
TENSORFLOW = {
    "padding": "none",
    "mel_scale": "htk",
    "norm": "peak",
    "power": 1,
    "log": "ln",
    "floor": 0,
    "offset": 1e-3,
    "low_hz": 125,
    "high_hz": 7500,
}


def signal(seconds=0.5, seed=0):
    """A sweep that fades, over noise."""
    time = np.arange(int(RATE * seconds)) / RATE
    sweep = 0.5 * np.sin(2 * np.pi * (100 + 3000 * time) * time) * np.exp(-2 * time)
    return (sweep + 0.01 * np.random.default_rng(seed).standard_normal(len(time))).astype("f4")


def test_log_mel_equals_librosas():
    theirs = librosa.feature.melspectrogram(y=signal(), **LIBROSA, n_mels=40)
    ours = preprocess.apply([{"step": "log_mel", **SIZES, "mel_bins": 40}], signal())
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, librosa.power_to_db(theirs).T, atol=1e-4)
    loudest = {"reference": "max", "range_db": 60, "layout": "frames_last"}
    ours = preprocess.apply([{"step": "log_mel", **SIZES, "mel_bins": 40, **loudest}], signal())
    np.testing.assert_allclose(ours, librosa.power_to_db(theirs, ref=np.max, top_db=60), atol=1e-4)


def test_other_windows_edges_and_norms_equal_librosas():
    theirs = librosa.feature.melspectrogram(
        y=signal(), **LIBROSA, n_mels=24, fmin=50, fmax=6000, norm=None, window="hamming",
        power=1.0, pad_mode="reflect",
    )  # fmt: skip
    settings = {"norm": "peak", "window": "hamming", "power": 1, "padding": "reflect"}
    edges = {"mel_bins": 24, "low_hz": 50, "high_hz": 6000, "log": "none"}
    ours = preprocess.apply([{"step": "log_mel", **SIZES, **settings, **edges}], signal())
    np.testing.assert_allclose(ours, theirs.T, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("sizes", [(400, 160, 512), (256, 100, 256), (300, 75, 512)])
def test_mfcc_equals_librosas(sizes):
    length, step, fft = sizes
    theirs = librosa.feature.mfcc(
        y=signal(), sr=RATE, n_mfcc=13, n_mels=40, n_fft=fft, win_length=length, hop_length=step
    )
    own = {"sample_rate": RATE, "frame_length": length, "frame_step": step, "fft_length": fft}
    ours = preprocess.apply([{"step": "mfcc", **own, "mel_bins": 40, "coefficients": 13}], signal())
    np.testing.assert_allclose(ours, theirs.T, atol=2e-4)  # of values up to 500, in float32 there


@pytest.mark.slow
def test_log_mel_equals_keras():
    import keras

    layer = keras.layers.MelSpectrogram(
        fft_length=512, sequence_stride=160, sequence_length=400, sampling_rate=RATE,
        num_mel_bins=40,
    )  # fmt: skip
    theirs = keras.ops.convert_to_numpy(layer(signal()[None]))[0]
    settings = {"padding": "reflect", "mel_scale": "htk", "norm": "peak", "low_hz": 20}
    step = {"step": "log_mel", **SIZES, "mel_bins": 40, **settings, "layout": "frames_last"}
    ours = preprocess.apply([step], signal())
    assert ours.shape == theirs.shape
    # 1e-4 of the power, in decibels: Keras's filters are in float32.
    np.testing.assert_allclose(ours, theirs, atol=10 * np.log10(1 + 1e-4))


@pytest.mark.slow
@pytest.mark.parametrize("fft", [512, 1024])
def test_log_mel_and_mfcc_equal_tf_signal(fft):
    import tensorflow as tf

    magnitudes = tf.abs(tf.signal.stft(signal(), 400, 160, fft))
    matrix = tf.signal.linear_to_mel_weight_matrix(64, fft // 2 + 1, RATE, 125, 7500)
    levels = tf.math.log(magnitudes @ matrix + 1e-3)
    own = {**SIZES, "fft_length": fft, "mel_bins": 64, **TENSORFLOW}
    ours = preprocess.apply([{"step": "log_mel", **own}], signal())
    np.testing.assert_allclose(ours, levels, atol=1e-4)
    theirs = tf.signal.mfccs_from_log_mel_spectrograms(levels)[:, :13]
    ours = preprocess.apply([{"step": "mfcc", **own, "coefficients": 13, "dct": "htk"}], signal())
    np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_frames_can_be_taken_one_by_one():
    """What a stream does: every frame for itself gives what the whole recording gives."""
    settings = log_mel.Settings(**SIZES, mel_bins=40, range_db=None)
    whole = _spectrum.levels_of(settings, signal().astype(float))
    frames = _spectrum.frames_of(settings, signal().astype(float))
    for frame, expected in zip(frames, whole, strict=True):
        one = _spectrum.levels(settings, _spectrum.mel_of_frames(settings, frame))
        np.testing.assert_allclose(one, expected, rtol=1e-12)


def test_frames_are_cut_and_padded():
    step = {"step": "mfcc", **SIZES, "mel_bins": 20, "coefficients": 7}
    whole = preprocess.apply([step], signal())
    assert whole.shape == (51, 7)
    np.testing.assert_array_equal(preprocess.apply([{**step, "frames": 9}], signal()), whole[:9])
    longer = preprocess.apply([{**step, "frames": 60}], signal())
    np.testing.assert_array_equal(longer[:51], whole)
    assert not longer[51:].any()


def test_silence_is_finite():
    for log in ("db", "ln"):
        step = {"step": "log_mel", **SIZES, "mel_bins": 20, "log": log}
        assert np.isfinite(preprocess.apply([step], np.zeros(4000))).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"frame_length": 600}, "frame_length is more than fft_length"),
        ({"low_hz": 9000}, "low_hz < high_hz"),
        ({"high_hz": 9000}, "half the sample_rate"),
        ({"log": "ln", "floor": 0}, "a floor or an offset above 0"),
        ({"range_db": -1}, "range_db is -1: expected a number above 0"),
        ({"reference": "loud"}, "reference is 'loud'"),
        ({"power": 3}, "power is 3: expected one of 1, 2"),
        ({"frame_step": 0}, "frame_step is 0: expected a whole number"),
    ],
)
def test_settings_that_make_no_sense_are_named(changes, message):
    with pytest.raises(littoral.InputError, match=message):
        preprocess.apply([{"step": "log_mel", **SIZES, "mel_bins": 20, **changes}], signal())


def test_more_coefficients_than_bands_are_refused():
    with pytest.raises(littoral.InputError, match="coefficients are more than mel_bins"):
        preprocess.apply([{"step": "mfcc", **SIZES, "mel_bins": 20, "coefficients": 21}], signal())
