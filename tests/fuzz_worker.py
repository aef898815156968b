"""A process that loads and runs the files it is told of, one line of stdin and of stdout each.

tally: ran | error | integrity | OTHER, then the error's class and text
"""

from __future__ import annotations

import sys
import warnings

import littoral
import numpy as np
from littoral.tensors import TensorSpec

_LARGEST = 1 << 22


def sample(spec: TensorSpec) -> np.ndarray:
    """Something that fits an input, open sizes taken as 1."""
    shape = tuple(1 if size is None else size for size in spec.shape)
    if np.prod(shape, dtype=float) > _LARGEST:
        raise littoral.InputError(f"{spec.name} is too large to be tried")
    if spec.dtype == "str":
        return np.full(shape, "a", object)
    return np.ones(shape, spec.dtype)


def attempt(path: str, **options: object) -> str:
    """Load a file and run it once; what came of it."""
    try:
        with littoral.load(path, **options) as model:
            model.run_raw({spec.name: sample(spec) for spec in model.inputs})
    except littoral.IntegrityError as error:
        return f"integrity {type(error).__name__}: {error}"
    except littoral.EngineCrashed as error:
        return f"crashed {type(error).__name__}: {error}"
    except littoral.ModelError as error:
        return f"refused {type(error).__name__}: {error}"
    except littoral.EngineError as error:
        return f"failed {type(error).__name__}: {error}"
    except littoral.InputError as error:
        return f"unfit {type(error).__name__}: {error}"
    except BaseException as error:
        return f"OTHER {type(error).__name__}: {error}"
    return "ran"


def main() -> None:
    """Answer until stdin ends."""
    warnings.simplefilter("ignore")
    for line in sys.stdin:
        verify, path = line.rstrip("\n").split(" ", 1)
        print(" ".join(attempt(path, verify=verify == "verify" and "auto").split()), flush=True)


if __name__ == "__main__":
    main()
