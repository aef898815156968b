"""LiteRT: ``ai_edge_litert``, or ``tflite_runtime`` where that is what the board has.

Both offer the same Interpreter. A call goes through the wrapped object below it where there is one:
the public `invoke` first counts references to make sure that nobody holds a view of the engine's
memory. Holding one is the point here; it is safe because input tensors stay where they are until
the next allocation, which drops the views first. Outputs are read by copy, since an output whose
shape depends on the data can move with every call.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from littoral.engines import Binding, Shape
from littoral.engines._native import quiet_stderr, reason
from littoral.errors import EngineError, EngineNotInstalled, FormatError
from littoral.formats import tflite
from littoral.tensors import TensorSpec

FORMATS = ("tflite",)
EXTRA = "litert"
_PACKAGES = {"ai-edge-litert": "ai_edge_litert.interpreter"}
_PACKAGES |= {"tflite-runtime": "tflite_runtime.interpreter"}
_RESOLVER = "OpResolverType"
_QUANTIZED = {"int8", "uint8", "int16", "uint16", "int32"}


def version() -> str | None:
    """The installed library and its version, or None."""
    from importlib import metadata  # reads e-mail headers: 20 ms that a load need not pay

    for package in _PACKAGES:
        try:
            return f"{package} {metadata.version(package)}"
        except metadata.PackageNotFoundError:
            continue
    return None


def open_session(content: bytes, threads: int) -> LiteRTSession:
    """Load a .tflite file's bytes; see `littoral.engines.Engine`."""
    return LiteRTSession(content, threads)


class LiteRTSession:
    """One interpreter; see `littoral.engines.Session`."""

    def __init__(self, content: bytes, threads: int, delegates: bool = True) -> None:
        """Create the interpreter, with XNNPACK or without, and read its inputs and outputs."""
        self._content = content
        self._options: dict[str, Any] = {"num_threads": threads}
        if not delegates:
            resolver = getattr(_interpreter_module(), _RESOLVER).BUILTIN_WITHOUT_DEFAULT_DELEGATES
            self._options["experimental_op_resolver_type"] = resolver
        self._binding: Binding | None = None
        self._shapes: tuple[Shape, ...] | None = None
        self._state = tflite.state(content)
        self.stateful = self._state != "none"
        # LiteRT may then move all memory while it runs: a view of an input would be left dangling.
        self._moves = tflite.has_open_sizes(content)
        names = tflite.io_names(content)
        self._interpreter: Any = self._open()
        self._inner: Any = _inner(self._interpreter)
        self._inputs = self._interpreter.get_input_details()
        self._outputs = self._interpreter.get_output_details()
        self.inputs = _specs(self._inputs, names[0])
        self.outputs = _specs(self._outputs, names[1])

    def bind(self, shapes: tuple[Shape, ...]) -> Binding:
        """Resize where the shapes differ from the present ones, then hand out the memory."""
        if self._binding is None or shapes != self._shapes:
            self._binding = None
            try:
                self._allocate(shapes)
                self._binding = self._bind(shapes)
            except (RuntimeError, ValueError) as error:
                raise EngineError(
                    f"LiteRT cannot prepare the model for inputs of shape {_shown(shapes)}: "
                    f"{reason(error)}"
                ) from error
            self._shapes = shapes
        return self._binding

    def reset(self) -> None:
        """Reset variable tensors; resource variables need a new interpreter."""
        if self._state == "tensors" and self._binding is not None:
            self._interpreter.reset_all_variables()
        elif self._state == "resources":
            self._binding = None
            self._interpreter = self._open()
            self._inner = _inner(self._interpreter)

    def close(self) -> None:
        """Drop the views, then the interpreter."""
        self._binding = None
        self._inner = None
        self._interpreter = None

    def _open(self) -> Any:
        interpreter_class = _interpreter_class()
        try:
            with quiet_stderr():
                return interpreter_class(model_content=self._content, **self._options)
        except (RuntimeError, ValueError, TypeError) as error:
            raise FormatError(f"LiteRT refuses the file: {reason(error)}") from error
        except (SystemError, ImportError) as error:
            package = interpreter_class.__module__.partition(".")[0].replace("_", "-")
            raise EngineNotInstalled(_does_not_load([_why_broken(package, error)])) from error

    def _allocate(self, shapes: tuple[Shape, ...]) -> None:
        inner = self._inner
        for detail, shape in zip(self._interpreter.get_input_details(), shapes, strict=True):
            if tuple(detail["shape"]) != shape:
                size = np.array(shape, np.int32)
                if inner is None:
                    self._interpreter.resize_tensor_input(detail["index"], size)
                else:
                    inner.ResizeInputTensor(detail["index"], size, False)
        with quiet_stderr():
            (self._interpreter.allocate_tensors if inner is None else inner.AllocateTensors)()
        if self._state == "tensors":
            self._interpreter.reset_all_variables()

    def _bind(self, shapes: tuple[Shape, ...]) -> Binding:
        inner = self._inner
        staged = []
        memory = []
        for detail, shape in zip(self._inputs, shapes, strict=True):
            if inner is None or self._moves or _is_text(detail):
                array = np.empty(shape, object if _is_text(detail) else detail["dtype"])
                staged.append((detail["index"], array))
            else:
                array = self._interpreter.tensor(detail["index"])()
            memory.append(array)
        if inner is None:
            set_tensor, invoke = self._interpreter.set_tensor, self._interpreter.invoke
            read = [partial(self._interpreter.get_tensor, d["index"]) for d in self._outputs]
        else:
            set_tensor, invoke = inner.SetTensor, inner.Invoke
            read = [partial(inner.GetTensor, detail["index"], 0) for detail in self._outputs]
        if staged:
            invoke = partial(_stage_and_invoke, set_tensor, staged, invoke)
        return Binding(tuple(memory), invoke, tuple(read))


def _inner(interpreter: Any) -> Any:
    """The native object below the Interpreter, None where a version has it elsewhere."""
    inner = getattr(interpreter, "_interpreter", None)
    return inner if hasattr(inner, "Invoke") else None


def _stage_and_invoke(
    set_tensor: Callable[[int, NDArray[Any]], None],
    staged: list[tuple[int, NDArray[Any]]],
    invoke: Callable[[], object],
) -> None:
    for index, array in staged:
        set_tensor(index, array)
    invoke()


def _interpreter_class() -> Any:
    """The Interpreter of whichever package is installed."""
    return _interpreter_module().Interpreter


def _interpreter_module() -> Any:
    """The module of whichever package is installed that has the Interpreter."""
    broken: list[str] = []
    for package, module in _PACKAGES.items():
        try:
            found = importlib.import_module(module)
            _ = found.Interpreter
            return found
        except ModuleNotFoundError as error:
            if error.name is not None and not module.startswith(error.name):
                broken.append(f"{package} needs {error.name}")
        except (ImportError, AttributeError) as error:
            broken.append(_why_broken(package, error))
    if broken:
        raise EngineNotInstalled(_does_not_load(broken))
    raise EngineNotInstalled("a .tflite file needs an engine: pip install 'littoral[litert]'")


def _does_not_load(reasons: list[str]) -> str:
    return f"LiteRT is installed but does not load: {'; '.join(reasons)}"


def _why_broken(package: str, error: Exception) -> str:
    numpy_major = int(np.__version__.partition(".")[0])
    if package == "tflite-runtime" and numpy_major >= 2:
        return (
            f"{package} was built for numpy 1 and this is numpy {np.__version__}: "
            "pip install 'numpy<2', or pip install 'littoral[litert]' instead"
        )
    return f"{package}: {reason(error)}"


def _specs(details: list[dict[str, Any]], names: tuple[str, ...]) -> tuple[TensorSpec, ...]:
    return tuple(_spec(detail, name) for detail, name in zip(details, names, strict=True))


def _spec(detail: Mapping[str, Any], name: str) -> TensorSpec:
    signature = detail.get("shape_signature", detail["shape"])
    sizes = signature if len(signature) else detail["shape"]
    parameters = detail["quantization_parameters"]
    dtype = "str" if _is_text(detail) else np.dtype(detail["dtype"]).name
    quantized = len(parameters["scales"]) == 1 and dtype in _QUANTIZED
    return TensorSpec(
        name=name,
        shape=tuple(None if size < 0 else int(size) for size in sizes),
        dtype=dtype,
        scale=float(parameters["scales"][0]) if quantized else None,
        zero_point=int(parameters["zero_points"][0]) if quantized else None,
    )


def _is_text(detail: Mapping[str, Any]) -> bool:
    return np.dtype(detail["dtype"]).kind in "SUO"


def _shown(shapes: tuple[Shape, ...]) -> str:
    return ", ".join(str(list(shape)) for shape in shapes)
