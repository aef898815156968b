"""Listen to a wav as to a microphone, a tenth of a second at a time, and wake at the word."""

import sys
import wave

import littoral
import numpy as np

SURE = 0.6

with wave.open(sys.argv[2]) as file:
    rate = file.getframerate()
    samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")

woken = []
with littoral.load(sys.argv[1]) as model, model.stream(hop=2, smooth=4) as windows:
    word = model.card.labels.index("word")
    is_awake = False
    for begin in range(0, len(samples), rate // 10):
        for scores in windows.feed((rate, samples[begin : begin + rate // 10])):
            if scores[word] > SURE and not is_awake:
                woken.append(begin / rate)
                print(f"woken at {woken[-1]:.1f} s")
            is_awake = scores[word] > (SURE / 2 if is_awake else SURE)

assert len(woken) == 3, f"the word falls three times, and was heard {len(woken)} times"
