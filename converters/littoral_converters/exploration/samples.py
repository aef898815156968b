"""The samples that files are timed on, as a file for the target."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from littoral import files
from littoral.errors import InputError
from littoral.inputs import numpy_file
from numpy.typing import NDArray

from littoral_converters.exploration.proofs import Proofs
from littoral_converters.exploration.workshop import Workshop

TIMED_SAMPLES = 16


def written(workshop: Workshop, proofs: Proofs) -> Path:
    """A few samples of the evaluation data to time the files on."""
    if not _is_whole(proofs.samples):
        samples = workshop.opened().evaluation.head(TIMED_SAMPLES)
        files.write_atomically(proofs.samples, npz_of(samples.inputs))
    return proofs.samples


def _is_whole(path: Path) -> bool:
    """Whether an earlier search left samples that can be read."""
    try:
        with numpy_file(path) as samples:
            return all(len(samples[name]) for name in samples.files)
    except InputError:
        return False


def npz_of(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """An .npz of arrays by name.

    `numpy.savez` takes names as keywords, among arguments of its own: no input may be called
    ``file`` there.
    """
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, values in arrays.items():
            with archive.open(f"{name}.npy", "w") as member:
                np.lib.format.write_array(member, np.asarray(values), allow_pickle=False)
    return stream.getvalue()
