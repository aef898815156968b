"""``littoral train``: a recipe and data in, a .keras file with its card out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from littoral_models.training import Trained

SUMMARY = "train a model on data that comes with littoral, or on your own"
EXTRA = "train"
EXAMPLES = """\
recipes: mlp (letters by their measures), cnn (clothes), lstm and gru (spoken digits),
transformer (which language)

examples:
  littoral train cnn --out cnn.keras --export-data data/
  littoral train cnn --out cnn.keras --data full --epochs 30
  littoral train cnn --out birds.keras --data photos/      (photos/CLASS/*.jpg)
  littoral train mlp --out table.keras --data table.csv    (last column: the class)
"""

_REPRESENTATIVE = 512
_CONFIG = ("width", "depth", "cell", "bidirectional")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    parser.add_argument("recipe", help="mlp, cnn, lstm, gru or transformer")
    parser.add_argument("--out", required=True, metavar="FILE.keras", help="the model to write")
    parser.add_argument(
        "--data",
        metavar="NAME|full|PATH",
        help="a set by name, the whole of the recipe's set, or your own: .npz, .csv, a folder of "
        "images or .wav per class",
    )
    parser.add_argument("--epochs", type=int, metavar="N", help="passes over the data, at most")
    parser.add_argument("--batch-size", type=int, metavar="N", help="samples a step")
    parser.add_argument("--fast", action="store_true", help="a sensible model in seconds")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="same seed, same model")
    parser.add_argument("--width", type=int, metavar="N", help="units or channels a layer")
    parser.add_argument("--depth", type=int, metavar="N", help="number of layers or blocks")
    parser.add_argument("--cell", choices=("lstm", "gru"), help="cell of a recurrent recipe")
    parser.add_argument(
        "--bidirectional", action="store_true", default=None, help="read sequences both ways"
    )
    parser.add_argument("--resume", action="store_true", help="go on after an interruption")
    parser.add_argument(
        "--export-data", metavar="DIR", help="write the arrays that `convert` takes to DIR"
    )


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Train, save, and export the data if asked to.

    Returns:
        The ``--json`` payload.

    Raises:
        InputError: An unknown recipe or setting, data that do not fit, a place that cannot be
            written to.
    """
    from littoral.files import make_folder

    from littoral_models import backend, recipes

    recipes.find(arguments.recipe)
    folder = make_folder(arguments.export_data) if arguments.export_data else None
    backend.start()
    from littoral_models.training import train

    config = {name: getattr(arguments, name) for name in _CONFIG}
    trained = train(
        arguments.recipe,
        out=arguments.out,
        dataset=arguments.data,
        fast=arguments.fast,
        epochs=arguments.epochs,
        batch_size=arguments.batch_size,
        seed=arguments.seed,
        resume=arguments.resume,
        **{name: value for name, value in config.items() if value is not None},
    )
    representative, evaluation = _export(trained, folder) if folder else (None, None)
    return {
        "family": trained.recipe.name,
        "path": str(trained.path),
        "accuracy": trained.accuracy,
        "parameters": trained.model.count_params(),
        "epochs": len(trained.history),
        "seconds": round(trained.seconds, 2),
        "labels": list(trained.data.labels),
        "representative_data": representative,
        "evaluation_data": evaluation,
        "data": dict(trained.data.card),
        "passed": True,
    }


def describe(payload: dict[str, Any]) -> str:
    """The payload for a person."""
    lines = [
        f"{payload['path']}: {payload['family']}, {payload['parameters']:,} parameters, "
        f"accuracy {payload['accuracy']:.4f} after {payload['epochs']} epochs "
        f"in {payload['seconds']:.0f} s",
        f"data: {payload['data']['name']} ({payload['data']['licence']})",
    ]
    if payload["evaluation_data"]:
        lines.append(
            f"next: littoral convert {payload['path']} --out build/ "
            f"--representative-data {payload['representative_data']} "
            f"--evaluation-data {payload['evaluation_data']}"
        )
    return "\n".join(lines)


def _export(trained: Trained, folder: Path) -> tuple[str, str]:
    """Write representative (training) and evaluation (test) arrays; return their paths."""
    import io

    import numpy as np
    from littoral.files import write_atomically

    samples = trained.data
    order = np.random.default_rng(0).permutation(len(samples.x_train))
    rows = np.sort(order[:_REPRESENTATIVE])
    parts = {
        "train": (samples.x_train[rows], samples.y_train[rows]),
        "eval": (samples.x_test, samples.y_test),
    }
    paths = []
    for part, (x, y) in parts.items():
        stream = io.BytesIO()
        np.savez_compressed(stream, x=x, y=y)
        path = folder / f"{trained.recipe.name}.{part}.npz"
        paths.append(str(write_atomically(path, stream.getvalue())))
    return paths[0], paths[1]
