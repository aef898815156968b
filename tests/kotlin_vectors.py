"""What the Kotlin runtime is held against: the Python runtime's answers, written down as JSON.

    python tests/kotlin_vectors.py DEMO OUT

DEMO is the folder that ``littoral demo`` left; OUT gets the model files with their answers, and the
vectors. An array is ``{"dtype", "shape", "data"}`` with the little-endian bytes in base64.
"""

from __future__ import annotations

import base64
import json
import shutil
import sys
from pathlib import Path

import kotlin_messages
import littoral
import numpy as np
import small_models
from littoral import card, formats, preprocess, statistics
from littoral.measurement import Measurement
from littoral.targets import _app, _model_file
from littoral.tensors import quantize

sys.path.append(str(Path(__file__).parent / "unit" / "sdk"))
import kotlin_files
import remembering_files

SAMPLES = 6


def array(values):
    """An array as the Kotlin tests read it."""
    values = np.asarray(values)
    data = base64.b64encode(np.ascontiguousarray(values).astype(values.dtype.newbyteorder("<")))
    return {"dtype": values.dtype.name, "shape": list(values.shape), "data": data.decode()}


def models(demo: Path, out: Path):
    """Every file of the demo, and some whose inputs and outputs are integers, with its answers."""
    found = []
    made = [*demo.glob("*.tflite"), *demo.glob("*.onnx"), *demo.glob("integers/*.tflite")]
    for path in sorted(made):
        family = path.name.partition(".")[0]
        with np.load(demo / "data" / f"{family}.eval.npz") as data:
            x = data["x"][:SAMPLES]
        shutil.copyfile(path, out / path.name)
        found.append(answers(path, x))
    return found


def answers(path: Path, x):
    """What the Python runtime says of a file and makes of a batch."""
    with littoral.load(path) as model:
        quantized = model.inputs[0].is_quantized
        raw_x = quantize(x, model.inputs[0]) if quantized else x
        fits = raw_x.dtype == np.dtype(model.inputs[0].dtype)
        return {
            "file": path.name,
            "engine": model.engine,
            "inputs": [spec(one) for one in model.inputs],
            "outputs": [spec(one) for one in model.outputs],
            "labels": list(model.card.labels),
            "card": json.loads(formats.module(model.format).read_card(path.read_bytes())),
            "x": array(x),
            "batch": array(model.run(x)),
            "sample": array(model.run(x[0])),
            "raw_x": array(raw_x[:1]) if fits else None,
            "raw": array(model.run_raw(raw_x[:1])) if fits else None,
        }


def spec(one):
    """A TensorSpec as JSON."""
    fields = {"name": one.name, "shape": list(one.shape), "dtype": one.dtype}
    return {**fields, "scale": one.scale, "zero_point": one.zero_point}


def small(out: Path):
    """The small models that every engine goes through."""
    for name in ("ONE", "SEVERAL", "OPEN", "FOUR"):
        for format, content in getattr(small_models, name).items():
            (out / f"{name.lower()}.{format}").write_bytes(content)
    for format in small_models.ONE:
        for dtype in ("int32", "int64", "bool"):
            (out / f"{dtype}.{format}").write_bytes(small_models.typed(format, dtype))


def streams(demo: Path, out: Path):
    """Files of one step and files that remember, run step by step, from the start and again."""
    generator = np.random.default_rng(10)
    remembering = [("summing.tflite", remembering_files.summing("tflite"))]
    remembering += [("summing.onnx", remembering_files.summing("onnx"))]
    remembering += [("counter.tflite", remembering_files.counter())]
    for name, content in remembering:
        (out / name).write_bytes(content)
    for path in sorted((demo / "streamed").glob("*.step.*")):
        shutil.copyfile(path, out / path.name)
        remembering.append((path.name, path.read_bytes()))
    for name, content in remembering:
        with littoral.load(content) as model, model.stream() as stream:
            x = generator.standard_normal((12, *stream.inputs[0].shape)).astype(np.float32)
            steps = np.stack([stream.step(row) for row in x])
            stream.reset()
            again = stream.step(x[:3])
            yield {"file": name, "x": array(x), "steps": array(steps), "again": array(again)}


def windows(demo: Path):
    """Results on windows that overlap, of rows that come in pieces of several sizes."""
    rows = np.random.default_rng(13).standard_normal((90, 13)).astype(np.float32)
    for format in ("tflite", "onnx"):
        for hop, smooth, size in ((1, 1, 90), (8, 3, 7), (40, 1, 1)):
            file = f"gru.float32.{format}"
            with littoral.load(demo / file) as model, model.stream(hop=hop, smooth=smooth) as found:
                results = [found.step(rows[at : at + size]) for at in range(0, len(rows), size)]
                fields = {"file": file, "hop": hop, "smooth": smooth, "size": size}
                yield {**fields, "x": array(rows), "results": array(np.concatenate(results))}


def predictions(demo: Path):
    """What `Model.predict` makes of a row, a text and pixels, in both formats."""
    row = ",".join(str(number) for number in range(16))
    pixels = np.random.default_rng(11).integers(0, 256, (40, 30, 3)).astype(np.uint8)
    for family, raw in {"mlp": row, "transformer": "Every one has", "cnn": pixels}.items():
        for format in ("tflite", "onnx"):
            file = f"{family}.float32.{format}"
            with littoral.load(demo / file) as model:
                found = model.predict(raw, top=3)
            ranked = [[one.label, one.score, one.index] for one in found]
            yield {
                "file": file,
                "raw": raw if isinstance(raw, str) else array(raw),
                "ranked": ranked,
            }


def recordings():
    """Steps over synthetic signals, at several rates and widths."""
    generator = np.random.default_rng(7)
    mfcc = {"step": "mfcc", "sample_rate": 8000, "frame_length": 200, "frame_step": 80}
    mfcc |= {"fft_length": 256, "mel_bins": 40, "coefficients": 13, "frames": 50}
    cases = [(8000, mfcc), (16000, mfcc), (11025, mfcc), (8000, {**mfcc, "fft_length": 200})]
    for rate, step in cases:
        time = np.arange(rate // 2) / rate
        signal = 0.5 * np.sin(2 * np.pi * 440 * time) + 0.05 * generator.standard_normal(len(time))
        for samples in (signal, (signal * 32767).clip(-32768, 32767).astype(np.int16)):
            made = preprocess.apply([step], (rate, samples))
            yield {"steps": [step], "rate": rate, "raw": array(samples), "result": array(made)}


def pictures():
    """Steps over random pixels: every filter, up and down, grey and colour."""
    generator = np.random.default_rng(8)
    for shape in ((28, 28), (31, 17, 3), (64, 48, 1), (5, 7, 4)):
        pixels = generator.integers(0, 256, shape).astype(np.uint8)
        for filter in ("bilinear", "nearest", "area"):
            for channels in (1, 3):
                step = {"step": "image", "height": 28, "width": 20, "channels": channels}
                step |= {"filter": filter, "scale": 1 / 255, "mean": [0.3] * channels, "std": 0.5}
                made = preprocess.apply([step], pixels)
                yield {"steps": [step], "raw": array(pixels), "result": array(made)}


def rows():
    """Rows and texts."""
    columns = {"step": "tabular", "columns": ["a", "b", "c"]}
    for line in ("1,2.5,-3e2", ' 4, "5" ,6', "1_000,.5,+7"):
        try:
            made = preprocess.apply([columns], line)
        except littoral.LittoralError:
            continue
        yield {"steps": [columns], "raw": line, "result": array(made)}
    for text in ("häßlich 日本", "", "a" * 99):
        step = {"step": "bytes", "length": 24}
        yield {"steps": [step], "raw": text, "result": array(preprocess.apply([step], text))}


def measured():
    """The statistics of some series."""
    generator = np.random.default_rng(9)
    for count in (1, 2, 6, 36, 199, 200, 368, 1000, 5000):
        skewed = (20_000 * generator.lognormal(0, 0.3, count)).astype(np.int64)
        slow = skewed + 5_000 * (np.arange(count) // 97 % 2)
        for samples in (skewed, slow, np.full(count, 7)):
            figures = [statistics.percentile_interval(samples, f) for f in (0.5, 0.9, 0.99)]
            other = samples[::-1] + 1
            ratio = statistics.paired_ratio(samples.tolist(), other.tolist())
            yield {
                "samples": samples.tolist(),
                "figures": [[one.value, one.low, one.high] for one in figures],
                "outliers": int(statistics.outliers(samples).sum()),
                "ratio": [ratio.value, ratio.low, ratio.high],
            }


def measurements():
    """What `littoral bench --json` writes of given durations, and reads back."""
    generator = np.random.default_rng(12)
    for count, scheme, accuracy in ((12, None, None), (400, "static_int8", 0.9375)):
        rounds = tuple(generator.integers(9_000, 90_000, (4, count // 4)))
        samples = np.concatenate(rounds)
        low, mid, high = (statistics.percentile_interval(samples, f) for f in (0.5, 0.9, 0.99))
        one = Measurement(
            path="müll.onnx",
            format="onnx",
            scheme=scheme,
            engine="onnxruntime",
            threads=2,
            latency_p50=low,
            latency_p90=mid,
            latency_p99=high,
            runs=count,
            outliers=int(statistics.outliers(samples).sum()),
            cold_start=None,
            load=None if scheme is None else statistics.Estimate(1_234_567.0),
            peak_memory_bytes=5_000_000_000 if scheme else None,
            size_bytes=4096,
            emulated=False,
            environment={},
            rounds=rounds,
            accuracy=accuracy,
        )
        fields = one.to_dict()
        assert Measurement.from_dict(fields, {}).to_dict() == fields
        yield {"rounds": [durations.tolist() for durations in rounds], "fields": fields}


def arrays(out: Path):
    """An archive as NumPy writes it: every type, several shapes, and what is not read."""
    generator = np.random.default_rng(14)
    kinds = ("float32", "float64", "float16", "int8", "uint8", "int16", "uint16", "int32")
    values = {name: generator.integers(0, 90, (2, 3)).astype(name) for name in kinds}
    values |= {name: np.array([1, 2**40], name) for name in ("int64", "uint64")}
    values |= {"bool": np.array([[True], [False]]), "scalar": np.float32(2.5)}
    values |= {"empty": np.zeros((0, 4), "float32"), "müll/0:a b": np.arange(7, dtype="int32")}
    bad = {
        "fortran": np.asfortranarray(np.ones((2, 3), "float32")),
        "big-endian": np.ones(3, ">f4"),
        "complex": np.ones(3, "complex64"),
        "text": np.array(["a", "bc"]),
    }
    np.savez(out / "arrays.npz", **values, **bad)
    for name, value in values.items():
        yield {"name": name, "array": array(value)}
    for name in bad:
        yield {"name": name, "array": None}


def errand(demo: Path, out: Path):
    """A request that Python makes, and the Python runtime's answers to its samples."""
    with np.load(demo / "data" / "mlp.eval.npz") as archive:
        x = archive["x"][:SAMPLES]
    data = {"mlp.float32.onnx": x, "mlp.static_int8.tflite": x, "several.tflite": None}
    files = [_model_file.read(out / name, "an app", ("onnx", "tflite")) for name in data]
    batches = [file.batches(own) for file, own in zip(files, data.values(), strict=True)]
    np.savez(out / "errand.npz", **dict(_app.arrays(files, batches)))
    for index, (file, own) in enumerate(zip(files, batches, strict=True)):
        with littoral.load(file.path) as model:
            for place, sample in enumerate(own):
                results = model.run(sample)
                named = results if isinstance(results, dict) else {model.outputs[0].name: results}
                for name, values in named.items():
                    yield {
                        "file": file.path.name,
                        "name": f"{index}/{place}/{name}",
                        "array": array(values),
                        "is_exact": not model.outputs[0].dtype.startswith("float"),
                    }


def cards():
    """Cards, good and bad."""
    good = card.Card(
        name="müll", inputs=(card.CardTensor("x", (None, 3), preprocessing=({"step": "bytes"},)),)
    ).to_json()
    for text in (
        good,
        '{"schema":1,"name":"n","later":[1,{"a":null}]}',
        '{"schema":2,"name":"n"}',
        '{"name":"n"}',
        "[1]",
        "{",
        '{"schema":1,"name":"n","inputs":[{"name":"x"}]}',
        "[" * 5000,
    ):
        try:
            read = card.Card.from_json(text)
            yield {"text": text, "name": read.name, "inputs": len(read.inputs)}
        except littoral.LittoralError as error:
            yield {"text": text, "error": type(error).__name__, "message": str(error)}


def main() -> None:
    """Write everything."""
    demo, out = (Path(argument) for argument in sys.argv[1:])
    out.mkdir(parents=True, exist_ok=True)
    small(out)
    vectors = {
        "models": models(demo, out),
        "predictions": list(predictions(demo)),
        "streams": list(streams(demo, out)),
        "windows": list(windows(demo)),
        "preprocessing": [*recordings(), *pictures(), *rows()],
        "statistics": list(measured()),
        "measurements": list(measurements()),
        "cards": list(cards()),
        "arrays": list(arrays(out)),
        "errand": list(errand(demo, out)),
        "damaged": list(kotlin_files.damaged(out)),
        "signatures": list(kotlin_files.signatures(out, array)),
        "options": list(kotlin_files.options(demo, array)),
        "external": list(kotlin_files.external(out, array)),
        "arities": list(kotlin_files.arities()),
        "feeds": list(kotlin_files.feeds(out, array)),
        "messages": list(kotlin_messages.cases(out, array)),
    }
    for name, content in vectors.items():
        (out / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")


if __name__ == "__main__":
    main()
