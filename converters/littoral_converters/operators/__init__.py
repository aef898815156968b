"""Operators that a format lacks, in operators that it has. One file a family.

A lowering stands in for a layer or a function of Keras. What is left in the traced graph, whether
`keras.ops` or a custom layer that calls TensorFlow put it there, is looked up here by the name of
its operator. A module offers one function:

    substitutes(format_name) -> Mapping[str, Substitute]

for the operators that the format lacks. A `Substitute` builds the same values from an operation's
inputs, and raises NotImplementedError for what it cannot: the operation then stays, and the
format's converter says what it makes of it.

Complex numbers go through the graph as pairs of reals; see `littoral_converters.operators._pairs`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import tensorflow as tf
from littoral import plugins

from littoral_converters.graphs.axes import MOST_UNEVEN_AXES
from littoral_converters.operators._known import known

Substitute = Callable[[Any, Sequence[Any]], Any]
"""(the operation, its inputs) -> its output, or a list of its outputs; in a graph of their own."""

Only = Callable[[Any], bool]
"""Whether an operation is to be looked at."""

_SUBSTITUTE = "substitute"
"""Scope of an operation's substitutes inside its own, where others are named in that."""

Names = tuple[str, ...]
"""The tensors that hold a value: one, or the real and the imaginary part."""


def _any(operation: Any) -> bool:
    del operation
    return True


def substitute(graph_def: Any, format_name: str, most_axes: int = 0) -> Any:
    """Replace the operators that a format lacks.

    Args:
        graph_def: A frozen tf.compat.v1.GraphDef. What is inside its functions stays.
        format_name: ``"tflite"`` or ``"onnx"``.
        most_axes: How many axes a tensor of the graph has at most; where a format takes any
            number, it does not matter.

    Returns:
        The graph, the same one where there was nothing to do.
    """
    from littoral_converters.operators import _ranks, _short_integers

    graph_def = _with_known_sizes(graph_def)
    if _says(graph_def, _short_integers.WIDENED):
        substitutes = _short_integers.widened(format_name)
        graph_def = _rewritten(graph_def, substitutes, _short_integers.has_short)
    graph_def = _without_what_lacks(graph_def, format_name)
    if format_name == "tflite" and most_axes > MOST_UNEVEN_AXES:
        return _rewritten(graph_def, _ranks.SUBSTITUTES, _ranks.has_many_axes)
    return graph_def


def _with_known_sizes(graph_def: Any) -> Any:
    """A graph that reads no size which it knows; each one told may tell it others."""
    from littoral_converters.operators import _sizes

    while any(node.op == "Shape" for node in graph_def.node):
        operations = _operations(graph_def)
        if not any(map(_sizes.reads_known, operations)):
            break
        substitutes = {"StridedSlice": _sizes.told}
        graph_def = _Rewriting(graph_def, substitutes, {}, _sizes.reads_known).of(operations)
    return graph_def


def _without_what_lacks(graph_def: Any, format_name: str) -> Any:
    from littoral_converters.operators import _pairs

    found = _substitutes(format_name)
    operations = _operations(graph_def) if _says(graph_def, {tf.complex64}) else ()
    if _pairs.are_needed(operations, format_name):
        try:
            return _Rewriting(graph_def, found, _pairs.builders(format_name)).of(operations)
        except NotImplementedError:
            pass  # the format's converter will name the operator
    return _rewritten(graph_def, found)


def _rewritten(graph_def: Any, substitutes: Mapping[str, Substitute], only: Only = _any) -> Any:
    if not any(node.op in substitutes for node in graph_def.node):
        return graph_def
    return _Rewriting(graph_def, substitutes, {}, only).of(_operations(graph_def))


def _operations(graph_def: Any) -> Sequence[Any]:
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(graph_def, name="")
    return list(graph.get_operations())


class _Rewriting:
    """One pass over a graph; what stands for the tensors so far.

    Args:
        graph_def: The graph.
        substitutes: By operator.
        complex_ones: The same, for operations on complex numbers; empty to leave these.
        only: Which of the others are to be looked at.
    """

    def __init__(
        self,
        graph_def: Any,
        substitutes: Mapping[str, Substitute],
        complex_ones: Mapping[str, Substitute],
        only: Only = _any,
    ) -> None:
        self._nodes = {node.name: node for node in graph_def.node}
        self._substitutes = substitutes
        self._complex_ones = complex_ones
        self._only = only
        self._scopes = {name.rpartition("/")[0] for name in self._nodes}
        self._has_loops = any(node.op == "Enter" for node in graph_def.node)
        self._names: dict[str, Names] = {}
        self._made = tf.compat.v1.GraphDef(versions=graph_def.versions, library=graph_def.library)

    def of(self, operations: Sequence[Any]) -> Any:
        """The graph of these operations, each after those that it takes from.

        Raises:
            NotImplementedError: An operation on complex numbers is not known.
        """
        for operation in operations:
            build = self._substitutes.get(operation.type) if self._only(operation) else None
            is_complex = bool(self._complex_ones) and has_complex(operation)
            if is_complex:
                build = self._complex_ones.get(operation.type)
                if build is None:
                    raise NotImplementedError
            try:
                if build is None:
                    raise NotImplementedError
                self._build(operation, build)
            except (NotImplementedError, ValueError) as error:
                # What asks for the shape of a tensor of any number of axes gets a ValueError.
                is_known = isinstance(error, ValueError) and not _has_open_rank(operation)
                if is_complex or is_known:
                    raise
                self._keep(operation)
        return self._made

    def _keep(self, operation: Any) -> None:
        node = self._made.node.add()
        node.CopyFrom(self._nodes[operation.name])
        node.input[:] = [self._one(name) for name in node.input]

    def _one(self, name: str) -> str:
        if name.startswith("^"):
            return _awaited(self._names.get(f"{name[1:]}:0", (name[1:],))[0])
        full = name if ":" in name else f"{name}:0"
        names = self._names.get(full, (name,))
        if len(names) > 1:
            raise NotImplementedError
        return names[0]

    def _build(self, operation: Any, build: Substitute) -> None:
        outside: dict[str, str] = {}
        taken = operation.name in self._scopes
        scope = f"{operation.name}/{_SUBSTITUTE}" if taken else operation.name
        with tf.Graph().as_default() as graph:
            inputs = [self._stand_in(tensor, outside) for tensor in operation.inputs]
            results = build(operation, inputs)
            results = results if isinstance(results, list) else [results]
            for output, result in zip(operation.outputs, results, strict=False):
                parts = result if isinstance(result, tuple) else (result,)
                named = [tf.identity(part, name="result") for part in parts]
                self._names[output.name] = tuple(f"{scope}/{part.op.name}" for part in named)
        for node in graph.as_graph_def().node:
            if node.name not in outside:
                own = self._made.node.add()
                own.CopyFrom(node)
                own.name = f"{scope}/{node.name}"
                own.input[:] = [_outer(name, outside, scope) for name in node.input]
                if self._has_loops and not own.input and operation.inputs:
                    # In a loop's body a constant too must belong to a turn of it.
                    own.input.append(_awaited(self._names_of(operation.inputs[0])[0]))

    def _names_of(self, tensor: Any) -> Names:
        return self._names.get(tensor.name, (tensor.name.removesuffix(":0"),))

    def _stand_in(self, tensor: Any, outside: dict[str, str]) -> Any:
        """A constant where an input is known, for what its value decides, or a placeholder."""
        names = self._names_of(tensor)
        value = known(tensor)
        if value is not None and len(names) == 1:
            inner = [tf.constant(value, tensor.dtype)]
        else:
            dtype = tensor.dtype if len(names) == 1 else tf.float32
            inner = [tf.compat.v1.placeholder(dtype, tensor.shape) for _ in names]
        outside.update({part.op.name: name for part, name in zip(inner, names, strict=True)})
        return tuple(inner) if len(names) > 1 else inner[0]


def has_complex(operation: Any) -> bool:
    """Whether complex numbers go into an operation or come out of it."""
    return any(tensor.dtype.is_complex for tensor in (*operation.inputs, *operation.outputs))


def _has_open_rank(operation: Any) -> bool:
    return any(tensor.shape.rank is None for tensor in operation.inputs)


def _says(graph_def: Any, dtypes: Collection[Any]) -> bool:
    """Whether operators of a graph are of one of some types."""
    wanted = {dtype.as_datatype_enum for dtype in dtypes}
    return any(value.type in wanted for node in graph_def.node for value in node.attr.values())


def _substitutes(format_name: str) -> Mapping[str, Substitute]:
    found: dict[str, Substitute] = {}
    for module in plugins.load_all(sys.modules[__name__]):
        found.update(module.substitutes(format_name))
    return found


def _awaited(name: str) -> str:
    """A tensor's operation as one to wait for."""
    return "^" + name.partition(":")[0]


def _outer(name: str, outside: Mapping[str, str], scope: str) -> str:
    """An input's name in the whole graph: what stood in for it, or a node beside it."""
    control, bare = ("^", name[1:]) if name.startswith("^") else ("", name)
    if bare.removesuffix(":0") in outside:
        return control + outside[bare.removesuffix(":0")]
    return f"{control}{scope}/{bare}"
