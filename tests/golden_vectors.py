"""Write tests/golden/steps/*.json and predictions.json, the numbers that every port must give.

    python tests/golden_vectors.py

Run it when a step changes on purpose. The numbers are Python's; tests/unit/sdk/steps holds Python's
against Keras, TensorFlow, librosa, SciPy and Pillow, and to these files.
"""

import base64
import io
import json
import wave
from pathlib import Path

import numpy as np
from littoral import prediction, preprocess
from littoral.errors import InputError

FOLDER = Path(__file__).parent / "golden/steps"
PREDICTIONS = FOLDER.parent / "predictions.json"
TOLERANCES = {
    "audio": {"absolute": 1e-6, "relative": 0},
    "bytes": {"absolute": 0, "relative": 0},
    "image": {"absolute": 2e-3, "relative": 1e-5},
    "log_mel": {"absolute": 1e-4, "relative": 1e-5},
    "mfcc": {"absolute": 2e-4, "relative": 1e-5},
    "standardize": {"absolute": 1e-5, "relative": 1e-5},
    "tabular": {"absolute": 1e-6, "relative": 1e-6},
    "vocabulary": {"absolute": 0, "relative": 0},
}


def decoded(raw):
    """An entry of ``inputs`` as `littoral.preprocess.apply` takes it."""
    kind = raw["kind"]
    if kind in ("text", "row"):
        return raw[kind]
    if kind == "bytes":
        return base64.b64decode(raw["base64"])
    values = np.array(raw["values"], raw["dtype"])
    if kind == "recording":
        return raw["rate"], values
    return values.reshape(raw["shape"])


def pixels(height, width, channels, seed=0):
    values = np.random.default_rng(seed).integers(0, 256, (height, width, channels))
    shape = [height, width, channels]
    return {"kind": "pixels", "dtype": "uint8", "shape": shape, "values": values.ravel().tolist()}


def chirp(count, rate):
    n = np.arange(count)
    tone = 0.5 * np.sin(2 * np.pi * (200 + 0.4 * n) * n / 8000) * np.exp(-n / 2500)
    values = (tone + 0.01 * np.cos(n * n * 0.37)).round(6).tolist()
    return {"kind": "recording", "rate": rate, "dtype": "float64", "values": values}


def wav(width, channels, rate, frames):
    rising = (np.arange(frames * channels) * 37 % 200 - 100) / 128
    if width == 1:
        data = (rising * 128 + 128).astype(np.uint8).tobytes()
    else:
        whole = (rising * 2 ** (8 * width - 1)).astype(np.int64)
        data = b"".join(int(v).to_bytes(width, "little", signed=True) for v in whole)
    stream = io.BytesIO()
    with wave.open(stream, "wb") as recording:
        recording.setnchannels(channels)
        recording.setsampwidth(width)
        recording.setframerate(rate)
        recording.writeframes(data)
    return encoded(stream.getvalue())


def float_wav(frames, rate=8000):
    data = (np.arange(frames) / frames - 0.5).astype("<f4").tobytes()
    head = b"".join(
        number.to_bytes(size, "little")
        for number, size in ((3, 2), (1, 2), (rate, 4), (rate * 4, 4), (4, 2), (32, 2))
    )
    odd = b"LIST\x03\x00\x00\x00abc\x00"  # a chunk of odd size, and the byte that fills it up
    body = b"WAVEfmt " + (16).to_bytes(4, "little") + head + odd
    body += b"data" + len(data).to_bytes(4, "little") + data
    return encoded(b"RIFF" + len(body).to_bytes(4, "little") + body)


def encoded(content):
    return {"kind": "bytes", "base64": base64.b64encode(content).decode()}


def image_cases():
    size = {"height": 4, "width": 6, "channels": 3}
    inputs = {
        "wide": pixels(9, 17, 3),
        "tall": pixels(13, 5, 3, seed=1),
        "small": pixels(2, 3, 3, seed=2),
        "grey": pixels(8, 8, 1, seed=3),
        "exact": pixels(4, 6, 3, seed=4),
        "four": pixels(5, 7, 4, seed=5),
    }
    filters = ("nearest", "bilinear", "bicubic", "lanczos3", "area")
    cases = [
        (f"{filter} {name} antialias {soft}", name, {**size, "filter": filter, "antialias": soft})
        for filter in filters
        for name in ("wide", "tall", "small")
        for soft in ((False, True) if filter in filters[1:4] else (False,))
    ]
    normal = {"scale": 1 / 255, "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
    cases += [
        ("as it is", "exact", size),
        ("as it is, whole", "exact", {**size, "dtype": "uint8"}),
        ("normalised", "exact", {**size, **normal}),
        ("normalised, one number", "exact", {**size, "scale": 1 / 127.5, "mean": 1}),
        ("channels first", "wide", {**size, **normal, "layout": "channels_first"}),
        ("bgr", "exact", {**size, "order": "bgr", "mean": [103.939, 116.779, 123.68]}),
        ("colour to grey", "wide", {**size, "channels": 1}),
        ("grey to colour", "grey", size),
        ("grey to bgr", "grey", {**size, "order": "bgr"}),
        ("transparency dropped", "four", size),
        ("crop wide", "wide", {**size, "fit": "crop"}),
        ("crop tall", "tall", {**size, "fit": "crop"}),
        ("pad wide", "wide", {**size, "fit": "pad", "fill": 114}),
        ("pad tall", "tall", {**size, "fit": "pad"}),
        ("shorter side, wide", "wide", {**size, "fit": "crop", "shorter_side": 7}),
        ("shorter side, tall", "tall", {**size, "fit": "crop", "shorter_side": 8}),
        ("shorter side, half a pixel", "exact", {**size, "fit": "crop", "shorter_side": 9}),
        ("unknown setting", "exact", {**size, "sharpen": 1}),
        ("no height", "exact", {"width": 6, "channels": 3}),
        ("two means", "exact", {**size, "mean": [1, 2]}),
        ("shorter side too short", "exact", {**size, "fit": "crop", "shorter_side": 5}),
        ("whole, cut at its ends", "small", {**size, "filter": "bicubic", "dtype": "uint8"}),
    ]
    return inputs, [(name, source, [{"step": "image", **s}]) for name, source, s in cases]


def audio_cases():
    inputs = {
        "chirp": chirp(400, 8000),
        "fast": chirp(441, 44100),
        "samples": {"kind": "samples", "dtype": "int16", "shape": [6], "values": [0, 1, -1, 32767,
                    -32768, 16384]},
        "stereo": {"kind": "samples", "dtype": "float64", "shape": [3, 2],
                   "values": [0.5, 1.0, -0.5, 0.5, 0.25, -0.75]},
        **{f"wav {8 * width} bits": wav(width, 1, 8000, 50) for width in (1, 2, 3, 4)},
        "wav stereo": wav(2, 2, 8000, 40),
        "wav of floats": float_wav(30),
        "wav cut short": encoded(base64.b64decode(wav(2, 1, 8000, 50)["base64"])[:-7]),
        "no recording": encoded(b"RIFF\x04\x00\x00\x00WAVE"),
        "empty wav": wav(2, 1, 8000, 0),
    }  # fmt: skip
    plain = {"step": "audio", "sample_rate": 8000}
    cases = [(name, name, [plain]) for name in inputs]
    cases += [
        (f"resampled to {rate}", "chirp", [{"step": "audio", "sample_rate": rate}])
        for rate in (16000, 11025, 3000)
    ]
    cases += [
        ("cut", "chirp", [{**plain, "length": 100}]),
        ("padded", "chirp", [{**plain, "length": 500}]),
    ]
    return inputs, cases


SOUND = {"sample_rate": 8000, "frame_length": 200, "frame_step": 80, "fft_length": 256}


def log_mel_cases():
    inputs = {"chirp": chirp(1200, 8000), "fast": chirp(2000, 16000), "short": chirp(60, 8000)}
    step = {"step": "log_mel", **SOUND, "mel_bins": 20}
    keras = {"padding": "reflect", "mel_scale": "htk", "norm": "peak", "low_hz": 20}
    tensorflow = {"padding": "none", "mel_scale": "htk", "norm": "peak", "power": 1, "log": "ln"}
    settings = {
        "librosa": {},
        "librosa, loudest at 0 dB": {"reference": "max"},
        "librosa, no range": {"range_db": None, "floor": 1e-5},
        "keras": {**keras, "layout": "frames_last"},
        "tensorflow": {**tensorflow, "floor": 0, "offset": 1e-6, "low_hz": 80, "high_hz": 3800},
        "hamming, no logarithm": {"window": "hamming", "log": "none"},
        "htk, unit area": {"mel_scale": "htk"},
        "cut": {"frames": 5},
        "padded": {"frames": 20},
    }
    cases = [(name, "chirp", [{**step, **more}]) for name, more in settings.items()]
    cases += [
        ("resampled", "fast", [step]),
        ("after audio", "fast", [{"step": "audio", "sample_rate": 8000, "length": 900}, step]),
        ("too short to mirror", "short", [{**step, "padding": "reflect"}]),
        ("too short for a frame", "short", [{**step, "padding": "none"}]),
        ("short", "short", [step]),
    ]
    return inputs, cases


def mfcc_cases():
    inputs = {"chirp": chirp(1200, 8000), "fast": chirp(2000, 16000)}
    step = {"step": "mfcc", **SOUND, "mel_bins": 20, "coefficients": 13}
    tensorflow = {"padding": "none", "mel_scale": "htk", "norm": "peak", "power": 1, "log": "ln"}
    settings = {
        "librosa": {},
        "tensorflow": {**tensorflow, "floor": 0, "offset": 1e-6, "low_hz": 80, "dct": "htk"},
        "an odd window": {"frame_length": 125, "fft_length": 128, "frame_step": 50},
        "frames last, padded": {"layout": "frames_last", "frames": 20},
    }
    cases = [(name, "chirp", [{**step, **more}]) for name, more in settings.items()]
    whole = {"step": "standardize", "of": "features"}
    return inputs, [*cases, ("resampled", "fast", [step]), ("then even", "chirp", [step, whole])]


def standardize_cases():
    values = [1.0, 5.0, -2.0, 4.0, 5.5, -2.0, 9.0, 5.25, -2.0, 2.0, 5.75, -2.0]
    numbers = {"kind": "numbers", "dtype": "float64", "shape": [4, 3], "values": values}
    inputs = {"numbers": numbers}
    settings = {
        "one for all": {"mean": 2, "std": 4},
        "one a feature": {"mean": [1, 5, -1], "std": [2, 0.5, 1]},
        "of the sample": {"of": "sample"},
        "of its features, one of them constant": {"of": "features", "epsilon": 1e-3},
        "another number of features": {"mean": [1, 2], "std": 1},
    }
    return inputs, [(n, "numbers", [{"step": "standardize", **s}]) for n, s in settings.items()]


def tabular_cases():
    rows = {
        "by name": {"colour": "red", "size": 2.5, "doors": 3},
        "in order": [2.5, " green ", "3"],
        "as text": {"size": " 1e1 ", "colour": "green", "doors": 5.0},
        "unknown colour": {"size": 0, "colour": "mauve", "doors": 4},
        "nothing": {"size": None, "colour": "", "doors": "nan"},
        "too few": [1, "red"],
        "no number": {"size": "large", "colour": "red", "doors": 3},
    }
    inputs = {name: {"kind": "row", "row": row} for name, row in rows.items()}
    columns = {"step": "tabular", "columns": ["size", "colour", "doors"]}
    known = {"categories": {"colour": ["red", "green", "blue"], "doors": ["3", "5"]}}
    settings = {
        "one hot": known,
        "one hot, zero": {**known, "unknown": "zero"},
        "one hot, first": {**known, "unknown": "first"},
        "index": {**known, "encoding": "index"},
        "index, first": {**known, "encoding": "index", "unknown": "first", "dtype": "int32"},
        "stand-ins": {**known, "missing": {"size": 7, "colour": "blue", "doors": "5"}},
        "standardized": {**known, "unknown": "zero", "mean": {"size": 1}, "std": {"size": 0.5}},
    }
    cases = [
        (f"{name}: {row}", row, [{**columns, **more}])
        for name, more in settings.items()
        for row in rows
    ]
    inputs["numbers"] = {"kind": "row", "row": [1, "2.5", -3]}
    return inputs, [*cases, ("numbers", "numbers", [{"step": "tabular", "columns": list("abc")}])]


TEXTS = {
    "plain": "the cat sat",
    "punctuation": "The CAT, sat -- (on) the\tmat!\n",
    "beyond ascii": "Größe ÜBER naïve café\u00a0x 東京 😀 ΣΑΣ İ",
    "empty": "",
    "white space": " \t\r\n\x0b\x0c",
}


def bytes_cases():
    inputs = {name: {"kind": "text", "text": text} for name, text in TEXTS.items()}
    inputs["raw"] = encoded(b"\xff\x00a")
    return inputs, [(name, name, [{"step": "bytes", "length": 24}]) for name in inputs]


def vocabulary_cases():
    inputs = {name: {"kind": "text", "text": text} for name, text in TEXTS.items()}
    inputs["no text"] = encoded(b"\xff\xfe")
    words = ["", "[UNK]", "the", "cat", "sat", "on", "mat", "größe", "über", "café\u00a0x", "東京",
             "😀", "σας", "i\u0307", "The", "CAT,"]  # fmt: skip
    letters = ["", "[UNK]", *"abcdefghijklmnopqrstuvwxyz", " ", "é", "東", "😀"]
    settings = {
        "as it is": {"vocabulary": words},
        "keras": {"vocabulary": words, "lower": "ascii", "strip_punctuation": True},
        "unicode": {"vocabulary": words, "lower": "unicode", "dtype": "int64"},
        "letters": {"vocabulary": letters, "unit": "character", "lower": "ascii"},
        "other numbers": {"vocabulary": words[2:], "padding": 99, "unknown": 98},
    }
    cases = [
        (f"{name}: {text}", text, [{"step": "vocabulary", "length": 12, **more}])
        for name, more in settings.items()
        for text in inputs
    ]
    return inputs, cases


def predictions():
    """Scores of one sample to its classes: ``[label, score, index]``, best first."""
    names = ["sea", "shore", "sky"]
    cases = [
        {"name": "as they are", "scores": [0.2, 0.7, 0.1], "labels": names},
        {"name": "logits", "scores": [1.5, -2.0, 3.25], "labels": names, "activation": "logits"},
        {"name": "large logits", "scores": [900, 901, -5], "labels": names, "activation": "logits"},
        {"name": "equal scores keep their order", "scores": [1, 2, 2], "labels": names},
        {"name": "another number of labels", "scores": [0.1, 0.9], "labels": names},
        {"name": "no labels, two best", "scores": [3, 9, 4], "labels": [], "top": 2},
        {"name": "one value for two", "scores": [0.75], "labels": ["no", "yes"]},
        {"name": "one logit", "scores": [-1.5], "labels": ["no", "yes"], "activation": "logits"},
    ]
    for case in cases:
        scores, labels = np.array(case["scores"], np.float32), tuple(case["labels"])
        ranked = prediction.rank(scores, labels, case.get("top"), case.get("activation"))
        case["ranked"] = [[each.label, float(f"{each.score:.8g}"), each.index] for each in ranked]
    return {"tolerance": {"absolute": 1e-6, "relative": 0}, "cases": cases}


def answer(case_input, steps):
    try:
        result = preprocess.apply(steps, decoded(case_input))
    except InputError:
        return {"refused": True}
    whole = result.dtype.kind != "f"
    values = [int(v) if whole else float(f"{v:.8g}") for v in result.ravel()]
    return {"shape": list(result.shape), "dtype": str(result.dtype), "values": values}


def vectors(step):
    """The file of a step."""
    inputs, cases = globals()[f"{step}_cases"]()
    entries = []
    for name, source, steps in cases:
        entry = {"name": name, "input": source, "steps": steps, **answer(inputs[source], steps)}
        if step == "image" and entry.get("dtype") == "uint8" and name != "as it is, whole":
            entry["tolerance"] = {"absolute": 1, "relative": 0}
        entries.append(entry)
    return {"step": step, "tolerance": TOLERANCES[step], "inputs": inputs, "cases": entries}


def main():
    for step in TOLERANCES:
        found = vectors(step)
        inputs = ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in found["inputs"].items())
        cases = ",\n".join(map(json.dumps, found["cases"]))
        head = f'"step": "{step}", "tolerance": {json.dumps(found["tolerance"])}'
        text = f'{{{head},\n"inputs": {{\n{inputs}\n}},\n"cases": [\n{cases}\n]}}\n'
        (FOLDER / f"{step}.json").write_text(text)
    found = predictions()
    cases = ",\n".join(map(json.dumps, found["cases"]))
    head = f'"tolerance": {json.dumps(found["tolerance"])}'
    PREDICTIONS.write_text(f'{{{head},\n"cases": [\n{cases}\n]}}\n')


if __name__ == "__main__":
    main()
