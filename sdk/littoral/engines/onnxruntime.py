"""ONNX Runtime, on the CPU unless other execution providers are asked for.

A call with fixed shapes runs with its inputs and outputs bound to arrays that live as long as the
binding, which spares the run its feed dictionary and its output allocation. Where an output's shape
is only known afterwards, or a value is no array of numbers, the plain `run` does the work.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from littoral.engines import ABSENT, Binding, Feedback, Loop, Settings, Shape
from littoral.engines._copying_loop import copying_loop, others
from littoral.engines._native import imported, quiet_stderr, reason, version_of
from littoral.errors import EngineNotInstalled, FormatError, InputError
from littoral.formats import Signature, onnx
from littoral.tensors import TensorSpec

if TYPE_CHECKING:
    from littoral.formats._onnx_external import Buffer

FORMATS = ("onnx",)
EXTRA = "onnx"
OPTIONS = {
    "providers": "execution providers, the preferred one first: CUDA,CPU",
    "PROVIDER.*": "an option of one of these, by its own name for it: CUDA.device_id",
    "optimization": "disable, basic, extended or all (default)",
    "execution": "sequential (default) or parallel: branches of the graph at the same time",
    "inter_op_threads": "threads for branches of the graph (default: as many as for one operator)",
    "memory_arena": "on (default) or off: keep memory for the next call",
    "memory_pattern": "on (default from 1.19) or off: plan the memory of a call ahead",
    "dimension.*": "the size of an open axis, by the axis's name in the file",
    "config.*": "an entry of the session's configuration, by its name in ONNX Runtime",
    "profile": "path to begin a file name with: the library's own profile of the session's life",
    "optimized_model": "path: write the graph that runs, after the library's fusions",
    "custom_ops": "path of a library with custom operators",
}
ALTERNATIVES: tuple[Mapping[str, str], ...] = ()
_SEVERITY_FATAL = 4
_PLANS_MEMORY_RIGHT = (1, 19)
"""The first release whose memory patterns keep apart what a call needs at the same time. Measured:
with those of 1.15 to 1.18, the second call of some files for the same shapes answers otherwise than
the first."""

_UNKNOWN_OPERATOR = r"(\S+?)\(-?\d+\) is not a registered function/op"
_CPU: list[Any] = ["CPUExecutionProvider"]
_DTYPES = {"float": "float32", "double": "float64", "string": "str"}
_DTYPES |= {
    name: name
    for name in (
        "float16",
        "int8",
        "uint8",
        "int16",
        "uint16",
        "int32",
        "uint32",
        "int64",
        "uint64",
        "bool",
    )
}


def version() -> str | None:
    """The installed library and its version, or None."""
    found = {name: version_of(name) for name in ("onnxruntime", "onnxruntime-gpu")}
    return next((f"{name} {number}" for name, number in found.items() if number), None)


def providers() -> tuple[str, ...]:
    """The execution providers that this build has."""
    names = _library().get_available_providers()
    return tuple(name.removesuffix("ExecutionProvider") for name in names)


def open_session(content: bytes, settings: Settings) -> OnnxRuntimeSession:
    """Load an .onnx file's bytes; see `littoral.engines.Engine`."""
    return OnnxRuntimeSession(content, settings)


class OnnxRuntimeSession:
    """One InferenceSession; see `littoral.engines.Session`."""

    stateful = False

    def __init__(self, content: bytes, settings: Settings) -> None:
        """Create the session and read its inputs and outputs."""
        if settings.signature is not None:
            raise InputError(f"no signature {settings.signature!r}: an ONNX file has none")
        self.signatures: Mapping[str, Signature] = {}
        self._library = _library()
        options, providers = _configured(self._library, settings)
        outside = onnx.read_external(content, settings.folder)
        # What an older release reads from these for as long as it lives.
        self._weights = self._hand_over(options, content, outside) if outside else None
        try:
            with quiet_stderr():
                # The fallback would print each failure to stdout, and try the same again.
                self._session: Any = self._library.InferenceSession(
                    content,
                    options,
                    providers=providers,
                    enable_fallback=False,
                )
        except Exception as error:  # the library's own exceptions share no base but Exception
            raise FormatError(_refusal(error)) from error
        self._profiles = "profile" in settings.options
        if settings.options:
            from littoral.engines import _onnxruntime_options

            _onnxruntime_options.check_used(self._session, providers)
        self.inputs = tuple(_input(node, content) for node in self._session.get_inputs())
        self.outputs = tuple(_spec(node) for node in self._session.get_outputs())
        self._symbols = [tuple(node.shape) for node in self._session.get_inputs()]
        self._output_symbols = [tuple(node.shape) for node in self._session.get_outputs()]
        self._binding: Binding | None = None
        self._arrays: tuple[tuple[NDArray[Any], ...], tuple[NDArray[Any], ...]] | None = None
        self._shapes: tuple[Shape, ...] | None = None
        self._wrapper: Any = None

    def _hand_over(self, options: Any, content: bytes, files: Mapping[str, Buffer]) -> object:
        """Give the library the weights that are in other files, so that it opens none itself."""
        if hasattr(options, "add_external_initializers_from_files_in_memory"):
            contents = list(files.values())
            sizes = [len(content) for content in contents]
            options.add_external_initializers_from_files_in_memory(list(files), contents, sizes)
            return None
        arrays = onnx.external_arrays(content, files)
        values = [self._wrap(array) for array in arrays.values()]
        options.add_external_initializers(list(arrays), values)
        return arrays, values

    def bind(self, shapes: tuple[Shape, ...]) -> Binding:
        """Allocate arrays for these shapes and bind them."""
        if self._binding is None or shapes != self._shapes:
            self._binding = self._arrays = None
            self._shapes = shapes
            self._binding = self._bind(shapes)
        return self._binding

    def loop(self, shapes: tuple[Shape, ...], feedback: Feedback) -> Loop:
        """Two bindings that take turns: what one writes, the other reads, and nothing is copied."""
        binding = self.bind(shapes)
        if self._arrays is None:
            return copying_loop(binding, feedback, self.inputs, self.outputs)
        inputs, outputs = ([array.copy() for array in side] for side in self._arrays)
        swapped = (list(inputs), list(outputs))
        for i, o in feedback:
            swapped[0][i], swapped[1][o] = outputs[o], inputs[i]
        turns = [self._bound(inputs, outputs), self._bound(*swapped)]
        (first, _), _ = turns

        def invoke() -> None:
            turns[0][0]()
            turns.reverse()

        def put(values: Sequence[NDArray[Any]]) -> None:
            for (i, o), value in zip(feedback, values, strict=True):
                inputs[i][...] = outputs[o][...] = value

        def take() -> list[NDArray[Any]]:
            next_is_first = turns[0][0] is first
            return [inputs[i] if next_is_first else outputs[o] for i, o in feedback]

        reads = [array.copy for array in outputs]
        return Loop(*others(inputs, reads, feedback), invoke, put, take)

    def reset(self) -> None:
        """Nothing stays between calls."""

    def another(self) -> OnnxRuntimeSession:
        """The same native session, which may run calls at the same time, with its own arrays."""
        other = copy.copy(self)
        other._binding = other._arrays = other._shapes = other._wrapper = None
        return other

    def close(self) -> None:
        """Drop the arrays, then the session."""
        self._binding = self._arrays = None
        self._wrapper = None
        if self._session is not None and self._profiles:
            self._session.end_profiling()
        self._session = None

    def _bind(self, shapes: tuple[Shape, ...]) -> Binding:
        memory = tuple(
            np.zeros(shape, object if spec.dtype == "str" or shape == ABSENT else spec.dtype)
            for spec, shape in zip(self.inputs, shapes, strict=True)
        )
        results = self._fixed_output_shapes(shapes)
        odd = any(_is_odd(spec) for spec in (*self.inputs, *self.outputs))
        if results is None or odd or any(array.size == 0 for array in memory):
            return self._bind_plain(memory)
        arrays = tuple(
            np.zeros(shape, spec.dtype) for spec, shape in zip(self.outputs, results, strict=True)
        )
        self._arrays = (memory, arrays)
        invoke, self._wrapper = self._bound(memory, arrays)
        return Binding(memory, invoke, tuple(array.copy for array in arrays))

    def bare_call(self, shapes: tuple[Shape, ...], *, is_empty: bool) -> Callable[[], object]:
        """A call that leaves its results where the library puts them: nothing is copied out.

        Args:
            shapes: One per input.
            is_empty: True leaves the graph out: what a call takes besides it.
        """
        memory = [
            np.zeros(shape, spec.dtype) for spec, shape in zip(self.inputs, shapes, strict=True)
        ]
        binding = self._session.io_binding()
        self._wrapper = binding
        for spec, array in zip(self.inputs, memory, strict=True):
            binding.bind_ortvalue_input(spec.name, self._wrap(array))
        for node in self._session.get_outputs():
            binding.bind_output(node.name)
        empty: Callable[[], object] = binding.synchronize_inputs
        return empty if is_empty else partial(self._session.run_with_iobinding, binding)

    def _bind_plain(self, memory: tuple[NDArray[Any], ...]) -> Binding:
        results: list[Any] = []
        pairs = zip(self.inputs, memory, strict=True)
        feed = {spec.name: None if a.shape == ABSENT else a for spec, a in pairs}

        def invoke() -> None:
            results[:] = self._session.run(None, feed)

        read = [partial(_item, results, position) for position in range(len(self.outputs))]
        return Binding(memory, invoke, tuple(read))

    def _wrap(self, array: NDArray[Any]) -> Any:
        return self._library.OrtValue.ortvalue_from_numpy(array)

    def _bound(
        self, inputs: Sequence[NDArray[Any]], outputs: Sequence[NDArray[Any]]
    ) -> tuple[Callable[[], object], Any]:
        """The native call itself where the wrapper objects have their usual shape.

        With it comes what keeps alive the memory that the native binding refers to.
        """
        binding = self._session.io_binding()
        for spec, array in zip(self.inputs, inputs, strict=True):
            binding.bind_ortvalue_input(spec.name, self._wrap(array))
        for spec, array in zip(self.outputs, outputs, strict=True):
            binding.bind_ortvalue_output(spec.name, self._wrap(array))
        session = getattr(self._session, "_sess", None)
        native = getattr(binding, "_iobinding", None)
        if session is None or native is None:
            return partial(self._session.run_with_iobinding, binding), binding
        return partial(session.run_with_iobinding, native, None), binding

    def _fixed_output_shapes(self, shapes: tuple[Shape, ...]) -> list[Shape] | None:
        """Output shapes when these inputs fix every axis of them, None when a run decides.

        An axis that inputs and outputs give the same name is trusted to be the same size where it
        is the first one, the samples; other names are reused too freely by exporters.
        """
        samples = {
            symbols[0]: shape[0]
            for symbols, shape in zip(self._symbols, shapes, strict=True)
            if symbols and isinstance(symbols[0], str)
        }
        found = []
        for symbols in self._output_symbols:
            sizes = [samples.get(symbols[0], symbols[0]), *symbols[1:]] if symbols else [None]
            fixed = tuple(size for size in sizes if isinstance(size, int))
            if len(fixed) < len(sizes):
                return None
            found.append(fixed)
        return found


def _configured(library: Any, settings: Settings) -> tuple[Any, list[Any]]:
    """A session's options, and its execution providers in order."""
    options = library.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = settings.threads
    options.log_severity_level = _SEVERITY_FATAL
    options.graph_optimization_level = library.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.enable_mem_pattern = _release(library) >= _PLANS_MEMORY_RIGHT
    if not settings.options:
        return options, _CPU
    from littoral.engines import _onnxruntime_options

    return options, _onnxruntime_options.apply(library, options, settings.options, OPTIONS)


def _release(library: Any) -> tuple[int, ...]:
    """Major and minor version of the library."""
    return tuple(int(number) for number in library.__version__.split(".")[:2])


def _item(results: list[Any], position: int) -> Any:
    value = results[position]
    return value if value is None or isinstance(value, (list, dict)) else np.asarray(value)


def _is_odd(spec: TensorSpec) -> bool:
    """Whether a value may be something else than an array of numbers."""
    return spec.is_optional or spec.dtype in ("str", "list", "dict")


def _library() -> Any:
    try:
        return imported("onnxruntime")
    except ModuleNotFoundError as error:
        if error.name != "onnxruntime":
            raise EngineNotInstalled(f"onnxruntime needs {error.name}, which is missing") from error
        raise EngineNotInstalled(
            "an .onnx file needs an engine: pip install 'littoral[onnx]'"
        ) from error
    except ImportError as error:
        raise EngineNotInstalled(
            f"onnxruntime is installed but does not load: {reason(error)}"
        ) from error


def _refusal(error: Exception) -> str:
    unknown = re.search(_UNKNOWN_OPERATOR, str(error))
    if unknown is None:
        return f"ONNX Runtime refuses the file: {reason(error)}"
    return (
        f"the file needs the operator {unknown[1].replace(':', '.')}, which this ONNX Runtime does "
        "not have: give the library that has it as option custom_ops, or write the model anew with "
        "operators of the standard"
    )


def _input(node: Any, content: bytes) -> TensorSpec:
    spec = _spec(node)
    if spec.dtype in ("list", "dict"):
        raise FormatError(f"{node.name} is a {node.type}; littoral feeds tensors only")
    if not spec.shape and not spec.is_optional:  # the library shows no axes as it shows none known
        return replace(spec, is_ranked=node.name not in onnx.unranked(content))
    return spec


def _spec(node: Any) -> TensorSpec:
    """The library says ``tensor(float)``, ``seq(map(int64,tensor(float)))``, ``optional(...)``."""
    kind = str(node.type)
    if kind.startswith("seq("):
        # A map for every sample is what classifiers give; other sequences say nothing of samples.
        return TensorSpec(node.name, (None,) if "map(" in kind else (), "list")
    if kind.startswith("map("):
        return TensorSpec(node.name, (), "dict")
    is_optional = kind.startswith("optional(tensor(")
    inside = kind.removeprefix("optional(").removeprefix("tensor(").rstrip(")")
    dtype = _DTYPES.get(inside) if is_optional or kind.startswith("tensor(") else None
    if dtype is None:
        raise FormatError(f"{node.name} is a {kind}, which littoral cannot take or give")
    if is_optional:
        return TensorSpec(node.name, (), dtype, is_ranked=False, is_optional=True)
    shape = tuple(size if isinstance(size, int) and size >= 0 else None for size in node.shape)
    return TensorSpec(name=node.name, shape=shape, dtype=dtype)
