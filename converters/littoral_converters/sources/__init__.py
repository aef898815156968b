"""Opening what a person brings: a .keras file, a legacy .h5 file, the folder of a SavedModel."""

from __future__ import annotations

import hashlib
import json
import re
import sys
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, TypeVar

from littoral import files
from littoral.card import KEY, Card
from littoral.errors import ConversionError, FormatError, InputError

from littoral_converters.graphs.scopes import name_as_scopes
from littoral_converters.isolation import isolated
from littoral_converters.nesting import every_layer
from littoral_converters.sources import legacy_h5
from littoral_converters.sources.custom_classes import layer_with_lambda, unknown_classes
from littoral_converters.sources.lambdas import readable_lambdas
from littoral_converters.sources.own_modules import Modules, import_modules

_Result = TypeVar("_Result")

SAVED_MODEL = "saved_model.pb"
"""The file that makes a folder a SavedModel."""


class UnknownClasses(ConversionError):
    """A file names classes that this process does not know: another one may."""


_ZIP, _HDF5 = b"PK\x03\x04", b"\x89HDF"


def check_file(path: Path) -> None:
    """Refuse what cannot be a Keras model before anything heavy is imported.

    Raises:
        InputError: Absent, a folder that is no SavedModel, or not readable.
        FormatError: Empty, or neither a .keras nor an .h5 file.
    """
    if path.is_dir():
        if not (path / SAVED_MODEL).is_file():
            raise InputError(
                f"{path} is a folder without {SAVED_MODEL}: give a .keras or .h5 file, or the "
                "folder of a SavedModel"
            )
        return
    try:
        with path.open("rb") as stream:
            start = stream.read(4)
    except OSError as error:
        raise InputError(f"cannot read {path}: {files.reason_of(error)}") from error
    if start == _HDF5:
        return
    if start != _ZIP or not zipfile.is_zipfile(path):
        what = "is empty" if not start else "is no Keras model, or is truncated"
        raise FormatError(f"{path} {what}: give a file that model.save() wrote")


def open_model(path: Path, allow_unsafe: bool = False, modules: Modules = ()) -> Any:
    """Load a Keras model for inference.

    Args:
        path: A .keras or .h5 file, or the folder of a SavedModel.
        allow_unsafe: Whether Python code stored in the file (Lambda layers) may run.
        modules: Modules that define its layers; see `own_modules.import_modules`.

    Returns:
        The keras.Model.

    Raises:
        InputError: The file cannot be read.
        FormatError: It is no Keras model or is damaged.
        ConversionError: It holds a Lambda without `allow_unsafe`, or what only Keras 2 has.
        UnknownClasses: It holds a layer that is not known here.
    """
    check_file(path)
    if path.is_dir():
        from littoral_converters.sources.served import open_saved_model

        return open_saved_model(path)
    import keras

    own = import_modules(modules)
    try:
        with _readable(path) as file, _own_numbers(), readable_lambdas(own):
            model = keras.models.load_model(file, compile=False, safe_mode=not allow_unsafe)
    except ConversionError:
        raise
    except Exception as error:
        raise _refusal(path, error, allow_unsafe) from error
    name_as_scopes(model, every_layer(model))
    return model


@contextmanager
def _own_numbers() -> Iterator[None]:
    """Number what Keras names itself, such as ``keras_tensor_2``, as in a process of its own.

    A class that makes its inputs itself (``super().__init__(inputs, outputs)``) makes them anew
    when its file is loaded: without this they were called after all that was made before.
    """
    from keras.src.backend.common import global_state

    counts = "object_name_uids"
    before = global_state.get_global_attribute(counts)
    global_state.set_global_attribute(counts, defaultdict(int))
    try:
        yield
    finally:
        global_state.set_global_attribute(counts, before)


def _readable(path: Path) -> AbstractContextManager[Path]:
    """A file as Keras 3 reads it.

    Raises:
        ConversionError: It cannot.
    """
    if zipfile.is_zipfile(path):
        _check_version(path)
        return nullcontext(path)
    return legacy_h5.readable(path)


def _check_version(path: Path) -> None:
    """Refuse a .keras file of Keras 2, whose layout is another."""
    version = _version(path)
    if version.startswith("2."):
        raise ConversionError(
            f"{path} was written by Keras {version}, whose .keras files Keras 3 does not read: "
            "load it there and save it as .h5 (model.save('model.h5')) or as a SavedModel "
            "(model.export(folder))"
        )


def _version(path: Path) -> str:
    """The Keras that wrote a .keras file; empty where it does not say."""
    try:
        with zipfile.ZipFile(path) as archive:
            return str(json.loads(archive.read("metadata.json"))["keras_version"])
    except (KeyError, TypeError, ValueError, OSError, zipfile.BadZipFile):
        return ""


def _is_newer(version: str) -> bool:
    import keras

    found, here = (re.findall(r"\d+", text)[:2] for text in (version, keras.__version__))
    return [int(part) for part in found] > [int(part) for part in here]


def in_worker_or_here(function: Callable[..., _Result], *arguments: Any, doing: str) -> _Result:
    """Call a function that opens a model in the worker, and here where that does not know a class.

    A program that defines a model's classes may have them registered; the worker does not.

    Args:
        function: A module-level function of an importable module.
        *arguments: Its arguments.
        doing: As `littoral_converters.isolation.isolated` takes it.

    Returns:
        What the function returns.

    Raises:
        LittoralError: The function raised it.
    """
    try:
        return isolated(function, *arguments, doing=doing)
    except UnknownClasses:
        keras = sys.modules.get("keras")
        if keras is None or keras.backend.backend() != "tensorflow":
            raise
        return function(*arguments)


def _refusal(path: Path, error: Exception, allow_unsafe: bool) -> Exception:
    text = " ".join(str(error).split())
    return _of_own_code(path, error, text, allow_unsafe) or _of_the_file(path, text)


def _of_own_code(path: Path, error: Exception, text: str, allow_unsafe: bool) -> Exception | None:
    """Why Python code of the person's own does not load; None where it does not matter."""
    import keras

    if "Could not locate" in text or "Unknown layer" in text:
        return UnknownClasses(_unregistered(path, text))
    layer = layer_with_lambda(path)
    if layer is not None:
        return ConversionError(
            f"{path}: layer {layer!r} was given a lambda, which Keras saves but cannot load: use a "
            "function with a name, registered by @keras.saving.register_keras_serializable(), or "
            "convert the model from memory, littoral_converters.convert(model, ...)"
        )
    if not allow_unsafe and ("Requested the deserialization" in text or "safe_mode" in text):
        return ConversionError(
            f"{path} holds a Lambda layer, which is Python code that loading would run: "
            "pass --allow-unsafe (allow_unsafe=True) if you trust the file"
        )
    unknown = _unknown_name(error)
    if unknown is not None and "Lambda" in text:
        return ConversionError(
            f"{path}: {unknown}, in a Lambda layer, whose code alone Keras saves: give the Python "
            "file that has the name: --import FILE.py (modules=['FILE.py'])"
        )
    made = re.findall(r"Error when deserializing class '(\w+)'", text)
    if made and not hasattr(keras.layers, made[-1]):
        return ConversionError(
            f"{path}: {made[-1]} cannot be made of what Keras saved of it ({_shorten(text)}): let "
            "its __init__ take **kwargs and hand them on, and get_config return all else, or "
            "convert the model from memory, littoral_converters.convert(model, ...)"
        )
    return None


def _of_the_file(path: Path, text: str) -> FormatError:
    if "No model config found" in text:
        return FormatError(
            f"{path} holds no model but its weights alone: load them into the model "
            "(model.load_weights) and give what model.save() writes then"
        )
    if _is_newer(_version(path)):
        return FormatError(
            f"{path} was written by Keras {_version(path)}, which is newer than the one here, and "
            f"does not load ({_shorten(text)}): pip install --upgrade keras"
        )
    if path.suffix in (".h5", ".hdf5"):
        return FormatError(
            f"{path} does not load in Keras 3 ({_shorten(text)}): load it with the Keras that "
            "wrote it, and save it as .keras"
        )
    why = f"{path} is no Keras model, or is damaged: {_shorten(text)}"
    if _version(path):
        why += "; if Keras wrote it so, convert the model from memory: convert(model, ...)"
    return FormatError(why)


def _unknown_name(error: BaseException | None) -> NameError | None:
    """What a function missed, behind what Keras made of it."""
    while error is not None and not isinstance(error, NameError):
        error = error.__cause__ or error.__context__
    return error


def _unregistered(path: Path, text: str) -> str:
    """Which classes are missing, and how to bring them."""
    found = unknown_classes(path)
    names = ", ".join(map(str, found)) or _shorten(text)
    return (
        f"{path} uses classes that are not registered here: {names}; give the Python file "
        "or module that defines them: --import FILE.py (modules=['FILE.py']); or in Python "
        "register them (@keras.saving.register_keras_serializable()), load the model with "
        "keras.models.load_model and pass it to littoral_converters.convert"
    )


def _shorten(text: str) -> str:
    """The last reason that Keras gives, which it wraps once for each layer around."""
    text = re.split(r"Exception encountered: |Example error message for object ", text)[-1]
    return text if len(text) <= 160 else f"{text[:160]}..."


def card_in(path: Path) -> Card | None:
    """The card inside a .keras file; None when it has none."""
    if path.is_dir() or not zipfile.is_zipfile(path):
        return None
    with zipfile.ZipFile(path) as archive:
        member = f"{KEY}.json"
        return Card.from_json(archive.read(member)) if member in archive.namelist() else None


def digest_of(path: Path) -> str:
    """SHA-256 in hex of a file, or of a folder's files in the order of their names."""
    if not path.is_dir():
        return hashlib.sha256(path.read_bytes()).hexdigest()
    digest = hashlib.sha256()
    for file in sorted(file for file in path.rglob("*") if file.is_file()):
        digest.update(f"{file.relative_to(path).as_posix()}\0".encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()
