"""The Interpreter that ``ai_edge_litert`` and ``tflite_runtime`` both offer.

A call goes through the wrapped object below it where there is one: the public `invoke` first counts
references to make sure that nobody holds a view of the engine's memory. Holding one is the point
here; it is safe because input tensors stay where they are until the next allocation, which drops
the views first. Outputs are read by copy, since an output whose shape depends on the data can move
with every call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from littoral.engines import Binding, Feedback, Loop, Settings, Shape
from littoral.engines._copying_loop import copying_loop
from littoral.engines._native import imported, quiet_stderr, reason, version_of
from littoral.errors import EngineError, EngineNotInstalled, FormatError, InputError
from littoral.formats import Signature, tflite
from littoral.formats._tflite_entry import Side
from littoral.tensors import TensorSpec

OPTIONS = {
    "xnnpack": "on (default) or off: XNNPACK's kernels, or the engine's own alone",
    "delegate": "path of an external delegate's library",
    "delegate.*": "an option of that delegate, by the delegate's own name for it",
}
# XNNPACK is the faster one on nearly every file and processor, but not on all of them.
ALTERNATIVES = ({"xnnpack": "off"},)
_QUANTIZED = {"int8", "uint8", "int16", "uint16", "int32"}


def providers() -> tuple[str, ...]:
    """The processor; anything else takes a delegate."""
    return ("CPU",)


class Package(NamedTuple):
    """Where an Interpreter comes from.

    Attributes:
        name: The distribution's name.
        module: What to import.
        extra: Which extra of littoral installs it.
    """

    name: str
    module: str
    extra: str

    def version(self) -> str | None:
        """The installed library and its version, or None."""
        number = version_of(self.name)
        return None if number is None else f"{self.name} {number}"

    def load(self) -> Any:
        """The imported module.

        Raises:
            EngineNotInstalled: It is missing, or installed but does not load.
        """
        try:
            module = imported(self.module)
            _ = module.Interpreter
        except ModuleNotFoundError as error:
            if error.name is not None and not self.module.startswith(error.name):
                raise self.broken(f"it needs {error.name}, which is missing") from error
            raise EngineNotInstalled(
                f"a .tflite file needs an engine: pip install 'littoral[{self.extra}]'"
            ) from error
        except (ImportError, AttributeError) as error:
            raise self.broken(reason(error)) from error
        return module

    def open_session(self, content: bytes, settings: Settings) -> InterpreterSession:
        """Load a .tflite file's bytes; see `littoral.engines.Engine`."""
        return InterpreterSession(content, settings, self)

    def broken(self, why: str) -> EngineNotInstalled:
        """What to say of a library that is there and does not work."""
        numpy_major = int(np.__version__.partition(".")[0])
        if self.extra == "tflite" and numpy_major >= 2:
            why = (
                f"it was built for numpy 1 and this is numpy {np.__version__}: "
                "pip install 'numpy<2', or pip install 'littoral[litert]' instead"
            )
        return EngineNotInstalled(f"{self.name} is installed but does not load: {why}")


class InterpreterSession:
    """One interpreter; see `littoral.engines.Session`."""

    def __init__(self, content: bytes, settings: Settings, package: Package) -> None:
        """Create the interpreter and read its inputs and outputs."""
        self._content = content
        self._package = package
        self._settings = settings
        self._library = package.load()
        self._arguments, self._delegates = _arguments(self._library, settings, package)
        self._binding: Binding | None = None
        self._shapes: tuple[Shape, ...] | None = None
        self._entry = tflite.entry_point(content, settings.signature)
        self._graph = self._entry.graph
        self._state = tflite.state(content)
        self.stateful = self._state != "none"
        # LiteRT may then move all memory while it runs: a view of an input would be left dangling.
        self._moves = self._graph > 0 or tflite.moves_memory(content)
        self._interpreter: Any = self._open()
        self._inner: Any = _inner(self._interpreter)
        if self._graph and self._inner is None:
            raise EngineError(f"this {package.name} runs the first graph of a file only")
        self._outputs = [self._details(index) for index, _ in self._entry.outputs]
        self.inputs = _specs([self._details(i) for i, _ in self._entry.inputs], self._entry.inputs)
        self.outputs = _specs(self._outputs, self._entry.outputs)

    @property
    def signatures(self) -> Mapping[str, Signature]:
        """Read when it is asked for: few do, and each load would pay for it."""
        return tflite.signatures(self._content)

    def bind(self, shapes: tuple[Shape, ...]) -> Binding:
        """Resize where the shapes differ from the present ones, then hand out the memory."""
        if self._binding is None or shapes != self._shapes:
            self._binding = None
            for spec, shape in zip(self.inputs, shapes, strict=True):
                if 0 in shape and 0 not in spec.shape:  # kernels divide by the size: SIGFPE
                    raise InputError(f"input {spec.name!r} is empty: its shape is {list(shape)}")
            try:
                self._allocate(shapes)
                self._binding = self._bind(shapes)
            except (RuntimeError, ValueError) as error:
                raise EngineError(
                    self._missing_operators(error)
                    or f"{self._package.name} cannot prepare the model for inputs of shape "
                    f"{_shown(shapes)}: {reason(error)}"
                ) from error
            self._shapes = shapes
        return self._binding

    def loop(self, shapes: tuple[Shape, ...], feedback: Feedback) -> Loop:
        """States are copied: the engine's inputs and outputs stay where they are."""
        return copying_loop(self.bind(shapes), feedback, self.inputs, self.outputs)

    def is_delegated(self, tensors: tuple[int, ...]) -> bool | None:
        """Whether the operator that makes these tensors runs inside a delegate, once bound.

        A delegate keeps what it makes to itself, or hands it out as an output of its own node.

        Args:
            tensors: Indices of the operator's outputs.

        Returns:
            None where this version of the library does not show its nodes.
        """
        inner = self._inner
        if not (hasattr(inner, "NumNodes") and hasattr(inner, "NodeOutputs") and tensors):
            return None
        nodes = [n for n in range(inner.NumNodes()) if inner.NodeName(n).endswith("DELEGATE")]
        if any(index in inner.NodeOutputs(node) for node in nodes for index in tensors):
            return True
        try:
            inner.GetTensor(tensors[0], 0)
        except ValueError:  # "Tensor data is null": nobody outside a delegate ever sees it
            return bool(nodes)
        return False

    def reset(self) -> None:
        """Reset variable tensors; resource variables need a new interpreter."""
        if self._state == "tensors" and not self._graph:
            if self._binding is not None:
                self._interpreter.reset_all_variables()
        elif self.stateful:
            self._binding = None
            self._interpreter = self._open()
            self._inner = _inner(self._interpreter)

    def another(self) -> InterpreterSession:
        """An interpreter of its own on the same bytes: one cannot run two calls at once."""
        return InterpreterSession(self._content, self._settings, self._package)

    def close(self) -> None:
        """Drop the views, then the interpreter."""
        self._binding = None
        self._inner = None
        self._interpreter = None

    def _open(self) -> Any:
        try:
            with quiet_stderr():
                delegates = [make() for make in self._delegates]
                return self._library.Interpreter(
                    model_content=self._content,
                    experimental_delegates=delegates or None,
                    **self._arguments,
                )
        except (RuntimeError, ValueError, TypeError) as error:
            raise FormatError(
                self._missing_operators(error)
                or f"{self._package.name} refuses the file: {reason(error)}"
            ) from error
        except (SystemError, ImportError) as error:
            raise self._package.broken(reason(error)) from error

    def _details(self, index: int) -> dict[str, Any]:
        details: dict[str, Any] = self._interpreter._get_tensor_details(index, self._graph)
        return details

    def _missing_operators(self, error: Exception) -> str | None:
        """Which operators of the file the library lacks, None where it complains of others."""
        complaint = str(error)
        missing = [name for name in tflite.custom_operators(self._content) if name in complaint]
        if not missing:
            return None
        flex = [name for name in missing if name.startswith("Flex")]
        if flex:
            return (
                f"the file needs operators of TensorFlow itself ({', '.join(flex)}), which "
                f"{self._package.name} does not have: convert the model without SELECT_TF_OPS, for "
                "example with littoral convert"
            )
        return (
            f"the file needs the custom operator {', '.join(missing)}, which {self._package.name} "
            "does not have: it runs only in the program or with the delegate that it was made for"
        )

    def _allocate(self, shapes: tuple[Shape, ...]) -> None:
        inner, where = self._inner, ((self._graph,) if self._graph else ())
        for (index, _), shape in zip(self._entry.inputs, shapes, strict=True):
            if tuple(self._details(index)["shape"]) != shape:
                size = np.array(shape, np.int32)
                if inner is None:
                    self._interpreter.resize_tensor_input(index, size)
                else:
                    inner.ResizeInputTensor(index, size, False, *where)
        with quiet_stderr():
            if inner is None:
                self._interpreter.allocate_tensors()
            else:
                inner.AllocateTensors(*where)
        if self._state == "tensors" and not self._graph:
            self._interpreter.reset_all_variables()

    def _bind(self, shapes: tuple[Shape, ...]) -> Binding:
        inner = self._inner
        where = (self._graph,) if self._graph else ()
        staged = []
        memory = []
        for (index, _), spec, shape in zip(self._entry.inputs, self.inputs, shapes, strict=True):
            # The engine shows a scalar as a number, not as memory.
            if inner is None or self._moves or spec.dtype == "str" or not shape:
                array = np.zeros(shape, object if spec.dtype == "str" else spec.dtype)
                staged.append((index, array))
            else:
                array = self._interpreter.tensor(index)()
            memory.append(array)
        if inner is None:
            set_tensor, invoke = self._interpreter.set_tensor, self._interpreter.invoke
            read = [partial(self._interpreter.get_tensor, d["index"]) for d in self._outputs]
        else:
            set_tensor = inner.SetTensor
            invoke = partial(inner.Invoke, *where) if where else inner.Invoke
            graph = self._graph
            read = [partial(inner.GetTensor, detail["index"], graph) for detail in self._outputs]
        read = [
            partial(_text, get) if spec.dtype == "str" else get
            for get, spec in zip(read, self.outputs, strict=True)
        ]
        if staged:
            invoke = partial(_stage_and_invoke, set_tensor, staged, where, invoke)
        return Binding(tuple(memory), invoke, tuple(read))


def _arguments(
    library: Any, settings: Settings, package: Package
) -> tuple[dict[str, Any], list[Callable[[], Any]]]:
    """What the Interpreter is made with: its arguments, and what makes its delegates."""
    arguments: dict[str, Any] = {"num_threads": settings.threads}
    if not settings.options:
        return arguments, []
    from littoral.engines import _options

    given = settings.options
    _options.check(given, OPTIONS, package.name)
    if not _options.switch("xnnpack", given.get("xnnpack", True)):
        resolver = library.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        arguments["experimental_op_resolver_type"] = resolver
    own = _options.group(given, "delegate.")
    if "delegate" not in given:
        if own:
            raise InputError(f"option delegate.{next(iter(own))}: no delegate is given")
        return arguments, []
    return arguments, [partial(_delegate, library, str(given["delegate"]), own)]


def _delegate(library: Any, path: str, options: Mapping[str, str]) -> Any:
    import ctypes

    try:
        # Beforehand, because a Delegate that fails half-way complains once more when it is freed.
        if not hasattr(ctypes.PyDLL(path), "tflite_plugin_destroy_delegate"):
            raise InputError(f"option delegate: {path} is a library, but no TFLite delegate")
        return library.load_delegate(path, dict(options))
    except (OSError, ValueError, RuntimeError) as error:
        raise InputError(f"option delegate: {path} does not load: {reason(error)}") from error


def _inner(interpreter: Any) -> Any:
    """The native object below the Interpreter, None where a version has it elsewhere."""
    inner = getattr(interpreter, "_interpreter", None)
    return inner if hasattr(inner, "Invoke") else None


def _stage_and_invoke(
    set_tensor: Callable[..., object],
    staged: list[tuple[int, NDArray[Any]]],
    where: tuple[int, ...],
    invoke: Callable[[], object],
) -> None:
    for index, array in staged:
        set_tensor(index, array, *where)
    invoke()


def _text(get: Callable[[], NDArray[Any]]) -> NDArray[Any]:
    """Text as ONNX Runtime gives it; what is not UTF-8 comes through as surrogates."""
    array = np.array(get(), object)
    flat = [value.decode("utf-8", "surrogateescape") for value in array.reshape(-1)]
    return np.array(flat, object).reshape(array.shape)


def _specs(details: list[dict[str, Any]], side: Side) -> tuple[TensorSpec, ...]:
    return tuple(_spec(detail, name) for detail, (_, name) in zip(details, side, strict=True))


def _spec(detail: Mapping[str, Any], name: str) -> TensorSpec:
    signature = detail.get("shape_signature", detail["shape"])
    sizes = signature if len(signature) else detail["shape"]
    parameters = detail["quantization_parameters"]
    dtype = "str" if _is_text(detail) else np.dtype(detail["dtype"]).name
    scales = parameters["scales"]
    quantized = len(scales) == 1 and scales[0] != 0 and dtype in _QUANTIZED
    return TensorSpec(
        name=name,
        shape=tuple(None if size < 0 else int(size) for size in sizes),
        dtype=dtype,
        scale=float(scales[0]) if quantized else None,
        zero_point=int(parameters["zero_points"][0]) if quantized else None,
    )


def _is_text(detail: Mapping[str, Any]) -> bool:
    return np.dtype(detail["dtype"]).kind in "SUO"


def _shown(shapes: tuple[Shape, ...]) -> str:
    return ", ".join(str(list(shape)) for shape in shapes)
