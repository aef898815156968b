"""The person's own modules, which define and register the layers that a Keras file names."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

from littoral.errors import InputError

Modules = Iterable[str | os.PathLike[str]]


def names_of(modules: Modules) -> tuple[str, ...]:
    """Modules as another process finds them: the paths of files whole."""
    names = [os.fspath(module) for module in modules]
    return tuple(str(Path(name).resolve()) if name.endswith(".py") else name for name in names)


def digests_of(names: Iterable[str]) -> dict[str, str]:
    """SHA-256 in hex of each file, nothing for what goes by a module's name."""
    files = {name: Path(name) for name in names}
    return {
        name: hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        for name, path in files.items()
    }


def import_modules(modules: Modules) -> list[ModuleType]:
    """Import modules and let Keras know the layers in them, decorated or not.

    Args:
        modules: Names, as ``import`` takes them, looked for in the working directory too; or paths
            of .py files. Their code runs.

    Returns:
        The modules.

    Raises:
        InputError: There is no such module, or it raises.
    """
    found = []
    for module in modules:
        name = os.fspath(module)
        try:
            found.append(_from_file(Path(name)) if name.endswith(".py") else _by_name(name))
            _register(found[-1])
        except InputError:
            raise
        except Exception as error:
            why = " ".join(str(error).split())
            raise InputError(f"{name} cannot be imported: {type(error).__name__}: {why}") from error
    return found


def _by_name(name: str) -> ModuleType:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    importlib.invalidate_caches()
    return importlib.import_module(name)


def _from_file(path: Path) -> ModuleType:
    """A file under its own name, by which a Keras file may call it; not in place of another's."""
    if not path.is_file():
        raise InputError(f"{path} does not exist: expected a Python file that defines layers")
    known = sys.modules.get(path.stem)
    if known is not None and _is(known, path):
        return known
    name = path.stem if known is None else f"{path.stem} of {path.resolve()}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.resolve().parent))  # for what it imports from beside it
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    finally:
        sys.path.remove(str(path.resolve().parent))
    return module


def _is(module: ModuleType, path: Path) -> bool:
    file = getattr(module, "__file__", None)
    return file is not None and Path(file).resolve() == path.resolve()


def _register(module: ModuleType) -> None:
    """Layers and models that are defined there, under the plain name that a file may use."""
    import keras

    objects = keras.saving.get_custom_objects()
    for name, value in vars(module).items():
        is_own = isinstance(value, type) and value.__module__ == module.__name__
        if is_own and issubclass(value, keras.layers.Layer):
            objects.setdefault(name, value)
