"""Draw a pair of trousers, larger than the model's input, white on black as the data set has it."""

import sys

from PIL import Image, ImageDraw

picture = Image.new("L", (112, 112), 0)
draw = ImageDraw.Draw(picture)
draw.rectangle((36, 8, 76, 24), fill=200)
draw.polygon([(36, 24), (56, 24), (54, 104), (38, 104)], fill=190)
draw.polygon([(56, 24), (76, 24), (74, 104), (58, 104)], fill=190)
picture.save(sys.argv[1])
