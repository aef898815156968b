"""Sort the pictures of a folder by what is on them."""

import shutil
import sys
from pathlib import Path

import littoral

with littoral.load(sys.argv[1]) as model:
    for picture in sorted(Path(sys.argv[2]).rglob("*.png")):
        best = model.predict(picture, top=1)[0]
        folder = Path(sys.argv[3]) / (best.label if best.score > 0.8 else "unsure")
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(picture, folder / f"{picture.parent.name}-{picture.name}")
for folder in sorted(Path(sys.argv[3]).iterdir()):
    print(f"{folder.name}: {len(list(folder.iterdir()))} pictures")
