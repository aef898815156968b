"""Make the recordings: a word of three tones among other sounds, and a kitchen in which it falls.

    python record.py recordings kitchen.wav

Nobody's voice is needed to show the way: put recordings of your own word into the same folders.
"""

import sys
import wave
from pathlib import Path

import numpy as np

RATE = 8000
RECORDING_S = 0.8
SPOKEN_AT_S = (1.5, 4.0, 7.2)
TONES = {"word": (400, 1600, 800), "other": (1600, 400, 400), "hum": (150, 150, 150)}


def sound(kind, random):
    """Three tones that glide, half a second at a pitch and loudness of their own."""
    pitch = random.uniform(0.9, 1.1)
    samples = int(RATE * 0.17)
    time = np.arange(samples) / RATE
    parts = []
    for hertz in TONES[kind]:
        glide = 1 + random.uniform(-0.1, 0.1) * time / time[-1]
        tone = np.sin(2 * np.pi * np.cumsum(hertz * pitch * glide) / RATE)
        parts.append(tone * np.hanning(samples) * random.uniform(0.2, 0.4))
    return np.concatenate(parts)


def recording(kind, random):
    """A sound somewhere in a recording. A piece of one is another: it must not wake anybody."""
    samples = random.normal(scale=0.02, size=int(RATE * RECORDING_S))
    if kind == "noise":
        return samples * random.uniform(0.5, 2)
    spoken = sound(kind, random)
    if kind == "other" and random.random() < 0.7:
        spoken = sound(random.choice(["word", "other"]), random)
        cut = int(len(spoken) * random.uniform(0.3, 0.7))
        spoken = spoken[:cut] if random.random() < 0.5 else spoken[cut:]
    begin = random.integers(0, len(samples) - len(spoken))
    samples[begin : begin + len(spoken)] += spoken
    return samples


def kitchen(random):
    """Ten seconds with other sounds, and the word at three times."""
    samples = random.normal(scale=0.02, size=10 * RATE)
    words = [("word", at) for at in SPOKEN_AT_S]
    for kind, at in [*words, ("other", 2.8), ("hum", 5.4), ("other", 8.6)]:
        spoken, begin = sound(kind, random), int(at * RATE)
        samples[begin : begin + len(spoken)] += spoken
    return samples


def write(path, samples):
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())


def main(folder, scene):
    random = np.random.default_rng(0)
    for kind in (*TONES, "noise"):
        for number in range(160):
            write(Path(folder) / kind / f"{number:03}.wav", recording(kind, random))
    write(Path(scene), kitchen(random))


main(*sys.argv[1:])
