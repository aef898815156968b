"""Send rows of a data file to the service, wrong ones among them, and check every answer."""

import json
import subprocess
import sys

import numpy as np

model, service, data = sys.argv[1:4]
with np.load(data) as file:
    rows, truth = file["x"][:200], file["y"][:200]
questions = [{"id": number, "x": row.tolist()} for number, row in enumerate(rows)]
questions += [{"id": "short", "x": [1, 2]}, {"id": "empty"}]
lines = "".join(json.dumps(question) + "\n" for question in questions) + "no JSON\n"
done = subprocess.run(
    [sys.executable, service, model], input=lines, capture_output=True, text=True, check=True
)
answers = [json.loads(line) for line in done.stdout.splitlines()]
assert [answer["id"] for answer in answers] == [*range(200), "short", "empty", None]
assert all("error" in answer for answer in answers[200:])
right = sum(answer["best"] == label for answer, label in zip(answers, truth, strict=False))
print(f"{right} of 200 rows recognized; to a wrong one it says: {answers[200]['error']}")
