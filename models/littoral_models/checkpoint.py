"""Where training stands: the best weights so far, when to stop, and a file to go on from."""

from __future__ import annotations

import io
import json
import time
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
from littoral.errors import InputError
from littoral.files import write_atomically
from numpy.typing import NDArray

SAVE_EVERY_SECONDS = 5.0


class Checkpoint(keras.callbacks.Callback):  # type: ignore[misc]  # keras.callbacks has no types
    """Keeps the weights with the best validation accuracy, and stops when they stay the best.

    Everything that the next epoch depends on (weights, optimizer, random seeds, the best so far)
    goes into one file at the end of an epoch, at most every `SAVE_EVERY_SECONDS`; a training that
    goes on from it ends with the same weights as one that was never stopped.

    Attributes:
        epoch: Epochs done.
        history: Figures of each epoch done.
    """

    def __init__(self, path: Path | None, patience: int) -> None:
        """Start at epoch 0.

        Args:
            path: The file to go on from, None to keep none.
            patience: Epochs without a better validation accuracy before stopping.
        """
        super().__init__()
        self.epoch = 0
        self.history: list[dict[str, float]] = []
        self._path = path
        self._patience = patience
        self._best: list[NDArray[Any]] = []
        self._best_value = (-np.inf, -np.inf)
        self._best_epoch = 0
        self._saved = time.monotonic()

    @property
    def is_exhausted(self) -> bool:
        """True when the last epochs brought nothing better."""
        return self.epoch - self._best_epoch >= self._patience > 0

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Compare with the best so far, save, stop."""
        figures = {name: float(value) for name, value in (logs or {}).items()}
        self.epoch = epoch + 1
        self.history.append(figures)
        value = (figures["val_accuracy"], -figures["val_loss"])
        if value > self._best_value:
            self._best_value, self._best_epoch = value, self.epoch
            self._best = self.model.get_weights()
        if self._path and time.monotonic() - self._saved >= SAVE_EVERY_SECONDS:
            write_atomically(self._path, self._state())
            self._saved = time.monotonic()
        self.model.stop_training = self.is_exhausted

    def restore_best(self) -> None:
        """Give the model the best weights."""
        if self._best:
            self.model.set_weights(self._best)

    def resume(self, model: keras.Model, settings: str) -> None:
        """Take up the state in the file, if there is one.

        Args:
            model: The compiled model to fill.
            settings: What the state depends on; it must be what the file was written with.

        Raises:
            InputError: The file is damaged or belongs to another training.
        """
        self._settings = settings
        if self._path is None or not self._path.exists():
            return
        try:
            content = io.BytesIO(self._path.read_bytes())
            with np.load(content, allow_pickle=False) as state:
                arrays = dict(state)
            header = json.loads(str(arrays.pop("header")))
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise InputError(
                f"the checkpoint {self._path} cannot be read ({error}): delete it and train again"
            ) from error
        if header["settings"] != settings:
            raise InputError(
                f"the checkpoint {self._path} belongs to a training with other settings: repeat "
                "them, or leave --resume out to start again"
            )
        for variable, (_, value) in zip(self._variables(model), _part(arrays, "now"), strict=True):
            variable.assign(value)
        self._best = [value for _, value in _part(arrays, "best")]
        self._best_value = tuple(header["best_value"])
        self._best_epoch = header["best_epoch"]
        self.epoch, self.history = header["epoch"], header["history"]

    def discard(self) -> None:
        """Remove the file: the training is complete or starts anew."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def _state(self) -> bytes:
        header = {
            "settings": self._settings,
            "epoch": self.epoch,
            "history": self.history,
            "best_value": self._best_value,
            "best_epoch": self._best_epoch,
        }
        now = [keras.ops.convert_to_numpy(v.value) for v in self._variables(self.model)]
        arrays = {f"now_{i:04}": array for i, array in enumerate(now)}
        arrays |= {f"best_{i:04}": array for i, array in enumerate(self._best)}
        stream = io.BytesIO()
        np.savez(stream, header=np.array(json.dumps(header)), **arrays)
        return stream.getvalue()

    @staticmethod
    def _variables(model: keras.Model) -> list[keras.Variable]:
        """Weights, random seeds and the optimizer's variables."""
        return [*model.variables, *model.optimizer.variables]


def _part(arrays: dict[str, NDArray[Any]], prefix: str) -> list[tuple[str, NDArray[Any]]]:
    return sorted((name, array) for name, array in arrays.items() if name.startswith(f"{prefix}_"))
