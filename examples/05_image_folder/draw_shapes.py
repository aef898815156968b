"""Draw pictures of circles, squares and triangles of many sizes, one folder per shape."""

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw


def draw(shape, random):
    width, height = random.integers(40, 90, 2)
    picture = Image.new("RGB", (int(width), int(height)), tuple(random.integers(0, 90, 3).tolist()))
    colour = tuple(random.integers(140, 256, 3).tolist())
    size = min(width, height) * random.uniform(0.5, 0.8)
    left, top = random.uniform(0, width - size), random.uniform(0, height - size)
    box = (left, top, left + size, top + size)
    pen = ImageDraw.Draw(picture)
    if shape == "circle":
        pen.ellipse(box, fill=colour)
    elif shape == "square":
        pen.rectangle(box, fill=colour)
    else:
        pen.polygon([(left, box[3]), (box[2], box[3]), (left + size / 2, top)], fill=colour)
    return picture


random = np.random.default_rng(0)
for part, count in (("train", 150), ("test", 20)):
    for shape in ("circle", "square", "triangle"):
        folder = Path(sys.argv[1]) / part / shape
        folder.mkdir(parents=True)
        for number in range(count):
            draw(shape, random).save(folder / f"{number}.png")
