"""The file is the registration: a folder's modules are its plug-ins, imported on demand."""

from __future__ import annotations

import functools
import importlib
import os
from types import ModuleType

from littoral.errors import InputError


@functools.cache
def names(package: ModuleType) -> tuple[str, ...]:
    """Names of the plug-ins in a package, sorted, without importing any of them.

    Args:
        package: An imported package, for example ``littoral.engines``.

    Returns:
        The module names in its folder; those that start with an underscore are not plug-ins.
    """
    try:
        entries = [entry.name for folder in package.__path__ for entry in os.scandir(folder)]
    except OSError:  # inside a zip file; importing pkgutil takes longer than all of this
        import pkgutil

        entries = [f"{module.name}.py" for module in pkgutil.iter_modules(package.__path__)]
    found = {name.removesuffix(".py") for name in entries if name.endswith(".py")}
    return tuple(sorted(name for name in found if not name.startswith("_")))


def load(package: ModuleType, name: str) -> ModuleType:
    """Import one plug-in.

    Args:
        package: The package whose folder holds the plug-in.
        name: Its file name without ``.py``.

    Returns:
        The imported module.

    Raises:
        InputError: No such plug-in; the message lists the ones there are.
    """
    known = names(package)
    if name not in known:
        kind = package.__name__.rpartition(".")[2].removesuffix("s").replace("ie", "y")
        raise InputError(f"unknown {kind} {name!r}: choose from {', '.join(known)}")
    return importlib.import_module(f"{package.__name__}.{name}")


def load_all(package: ModuleType) -> list[ModuleType]:
    """Import every plug-in.

    Args:
        package: The package whose folder holds them.

    Returns:
        The imported modules, sorted by name.
    """
    return [load(package, name) for name in names(package)]
