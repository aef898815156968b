"""A demo payload as a real run gives it, made of fixed figures."""

import random

FAMILIES = {
    "mlp": ("MLP", "Letter Recognition", 26, 4000, 0.9635, 4.2, 21.0, 118),
    "cnn": ("CNN", "Fashion-MNIST", 10, 2000, 0.9015, 17.1, 34.0, 74),
    "lstm": ("LSTM", "Spoken digits", 10, 600, 0.9817, 74.0, 84.0, 92),
    "gru": ("GRU", "Spoken digits", 10, 600, 0.9850, 68.0, 92.0, 71),
    "transformer": ("Transformer", "Language identification", 30, 2367, 0.9341, 51.0, 118.0, 188),
}
SCHEMES = {
    "float32": (1.0, 1.0, 0.0),
    "float16": (0.52, 1.03, 0.01),
    "dynamic_int8": (0.31, 0.86, 0.12),
    "static_int8": (0.29, 0.71, 0.38),
}
LANGUAGES = [
    "Danish",
    "Norwegian",
    "Swedish",
    "Icelandic",
    "German",
    "Dutch",
    "Afrikaans",
    "English",
    "French",
    "Italian",
    "Spanish",
    "Portuguese",
    "Catalan",
    "Galician",
    "Romanian",
    "Polish",
    "Czech",
    "Slovak",
    "Slovenian",
    "Croatian",
    "Bosnian",
    "Finnish",
    "Estonian",
    "Hungarian",
    "Turkish",
    "Azerbaijani",
    "Indonesian",
    "Malay",
    "Vietnamese",
    "Swahili",
]
LABELS = {
    26: [chr(ord("A") + index) for index in range(26)],
    10: [str(index) for index in range(10)],
    30: LANGUAGES,
}
CLOTHES = [
    "T-shirt",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Boot",
]
RELATIVES = {0: 1, 1: 0, 19: 20, 20: 19, 16: 17, 17: 16, 26: 27, 27: 26, 12: 13, 13: 11, 2: 1}


def confusion(classes, samples, accuracy, generator):
    matrix = [[0] * classes for _ in range(classes)]
    for index in range(samples):
        true = index % classes
        said = true
        if generator.random() > accuracy:
            near = RELATIVES.get(true, (true * 7 + 3) % classes) % classes
            said = near if generator.random() < 0.7 else generator.randrange(classes)
        matrix[true][said] += 1
    return matrix


def result(family, fmt, scheme, generator):
    _, _, _, samples, accuracy, tflite_us, onnx_us, kilobytes = FAMILIES[family]
    size, speed, drop = SCHEMES[scheme]
    p50 = (tflite_us if fmt == "tflite" else onnx_us) * speed * generator.uniform(0.97, 1.03)
    lost = round(drop * generator.uniform(-0.4, 1) * samples / 100) * 100 / samples
    fields = {
        "family": family,
        "format": fmt,
        "scheme": scheme,
        "lowering": "unrolled" if family in ("lstm", "gru") else "auto",
        "path": f"{family}/{family}-{scheme}.{fmt}",
        "size_bytes": int(kilobytes * 4000 * size),
        "accuracy": accuracy - lost / 100,
        "float_accuracy": accuracy,
        "drop_points": round(lost, 4),
        "max_abs_error": 1.2e-6 if scheme == "float32" else 0.013 * (drop + 0.01),
        "cold_start_ms": 310.0 + 60 * (fmt == "onnx") + generator.uniform(0, 9),
        "peak_memory_bytes": int(48e6 + 21e6 * (fmt == "onnx")),
        "passed": True,
    }
    for name, factor, width in (("p50", 1, 0.006), ("p90", 1.12, 0.02), ("p99", 1.7, 0.12)):
        value = p50 * factor
        fields[f"latency_{name}_us"] = round(value, 3)
        fields[f"latency_{name}_us_low"] = round(value * (1 - width), 3)
        fields[f"latency_{name}_us_high"] = round(value * (1 + width), 3)
    return fields


def about(family, generator):
    title, data, classes, samples, accuracy, _, _, kilobytes = FAMILIES[family]
    return {
        "title": title,
        "parameters": kilobytes * 1000,
        "labels": CLOTHES if family == "cnn" else LABELS[classes],
        "confusion": confusion(classes, samples, accuracy, generator),
        "accuracy": accuracy,
        "data": {
            "name": data,
            "licence": "CC BY 4.0",
            "attribution": "Somebody (1991)",
            "split": "the official one",
        },
        "seconds": 31.4,
        "epochs": 24,
    }


def demo_payload():
    generator = random.Random(7)
    return {
        "results": [
            result(family, fmt, scheme, generator)
            for family in FAMILIES
            for fmt in ("tflite", "onnx")
            for scheme in SCHEMES
        ],
        "families": {family: about(family, generator) for family in FAMILIES},
        "environment": {
            "cpu": "AMD EPYC",
            "machine": "x86_64",
            "cores": 2,
            "governor": None,
            "temperature_celsius": None,
            "load_average": [0.61, 0.4, 0.2],
            "memory_bytes": 25_000_000_000,
            "os": "Debian GNU/Linux 12 (bookworm)",
            "python": "3.11.2",
            "engines": {"litert": "2.3.0", "onnxruntime": "1.32.0"},
        },
        "emulated": False,
        "fast": True,
        "seconds": 287.0,
        "versions": {"keras": "3.15.1", "tensorflow": "2.21.0"},
    }
