"""A frozen TensorFlow graph, built again operation by operation on the shapes of the current trace.

1. What depends on no input is computed now: sizes, loop counters, reshaped weights.
2. A function that is called is replayed in place; of a choice that is known, the branch taken.
3. A loop whose condition is known at every step is written out, and the lists that carry its steps'
   values (TensorFlow's TensorList) are Python lists meanwhile. Others are refused, or stay loops:
   see `littoral_converters.graphs.kept_loops`.
4. Everything else is the same operation on the new tensors.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf
from littoral.errors import ConversionError
from tensorflow.python.framework.function_def_to_graph import function_def_to_graph

from littoral_converters.graphs.kept_loops import Rows, kept

Value = Any
"""A symbolic tensor, an eager tensor (known now), or a list of tensors (a TensorList) or `Rows`."""

StandIn = Callable[[Any, list[Value]], Value]

MAX_STEPS = 2000
"""Loops longer than this are refused: written out, the file would be larger than its weights."""

CALLS = frozenset({"PartitionedCall", "StatefulPartitionedCall"})
LOOPS = frozenset({"While", "StatelessWhile"})
CHOICES = frozenset({"If", "StatelessIf"})
IGNORED = frozenset({"NoOp", "Assert", "CheckNumerics", "Placeholder"})
"""Of placeholders those that nothing is fed to: what is left of arguments that nothing uses."""
RENAMED = {"squeeze_dims": "axis"}
"""Attributes that have another name in Python."""
SMALL = 64
"""Whether a value is known is asked of integers up to this many: sizes, not data."""


class Replay:
    """One replay of a graph.

    Args:
        graph: A frozen graph: no variables.
        stand_ins: Functions of (operation, inputs) in place of operators, by operator name; one
            that raises KeyError leaves the operation as it is.
        most_steps: Loops longer than this are refused.
        keeps_loops: Whether they stay loops instead, and so do those of an open length.
    """

    def __init__(
        self,
        graph: Any,
        stand_ins: Mapping[str, StandIn],
        most_steps: int = MAX_STEPS,
        keeps_loops: bool = False,
    ) -> None:
        self.most_steps = most_steps
        self.keeps_loops = keeps_loops
        self._library = graph.as_graph_def().library
        self._definitions = {
            function.signature.name: function for function in self._library.function
        }
        self._functions: dict[str, Any] = {}
        self._stand_ins = stand_ins
        self._constants: dict[tuple[int, int], tuple[Any, Any]] = {}
        self._graph = graph

    def run(
        self, inputs: Sequence[Any], feeds: Sequence[Value], outputs: Sequence[Any]
    ) -> list[Any]:
        """Build the graph again.

        Args:
            inputs: Its input tensors.
            feeds: What stands in their place.
            outputs: Its output tensors.

        Returns:
            The new tensors of the outputs.

        Raises:
            ConversionError: A loop or choice that depends on the data.
        """
        values = self._replay(self._graph, inputs, feeds, outputs)
        return [self._symbolic(value) for value in values]

    def _replay(
        self, graph: Any, inputs: Sequence[Any], feeds: Sequence[Value], outputs: Sequence[Any]
    ) -> list[Value]:
        known: dict[str, Value] = {
            tensor.name: feed for tensor, feed in zip(inputs, feeds, strict=True)
        }
        for operation in graph.get_operations():
            if operation.type in IGNORED or all(o.name in known for o in operation.outputs):
                continue
            if any(tensor.name not in known for tensor in operation.inputs):
                continue
            arguments = [known[tensor.name] for tensor in operation.inputs]
            results = self._operation(operation, arguments)
            for tensor, value in zip(operation.outputs, results, strict=True):
                known[tensor.name] = value
        return [known[tensor.name] for tensor in outputs]

    def _operation(self, operation: Any, inputs: list[Value]) -> list[Value]:
        kind = operation.type
        if kind == "Identity":
            return inputs
        if kind in CALLS:
            return self._call(operation.get_attr("f").name, inputs)
        if kind in LOOPS:
            return self._loop(operation, inputs)
        if kind in CHOICES:
            return self._choice(operation, inputs)
        if kind in LISTS:
            return LISTS[kind](self, operation, inputs)
        if kind == "Shape" and inputs[0].shape.is_fully_defined():
            return [_eager(inputs[0].shape.as_list(), operation.get_attr("out_type"))]
        return self._plain(operation, inputs)

    def _call(self, name: str, inputs: list[Value]) -> list[Value]:
        graph = self._function(name)
        return self._replay(graph, graph.inputs, inputs, graph.outputs)

    def _function(self, name: str) -> Any:
        if name not in self._functions:
            self._functions[name] = function_def_to_graph(
                self._definitions[name], include_library_functions=True
            )
        return self._functions[name]

    def _loop(self, operation: Any, values: list[Value]) -> list[Value]:
        condition, body = (operation.get_attr(key).name for key in ("cond", "body"))
        if self.keeps_loops and not self._is_short(condition, body, values):
            return kept(
                lambda now: self._symbolic(self._call(condition, now)[0]),
                lambda now: [self._whole(value) for value in self._call(body, now)],
                [self._whole(value) for value in values],
            )
        for _ in range(self.most_steps + 1):
            (proceed,) = self._call(condition, values)
            if not _is_known(proceed):
                raise ConversionError(
                    f"the loop {operation.name} runs a number of steps that depends on its input: "
                    "save the model with a fixed length, or convert its .keras file"
                )
            if not bool(proceed):
                return values
            values = self._call(body, values)
        raise ConversionError(
            f"the loop {operation.name} has over {self.most_steps} steps: convert the .keras "
            "file, where it can stay a loop"
        )

    def _is_short(self, condition: str, body: str, values: Sequence[Value]) -> bool:
        """Whether few turns of a loop are known to be all, from what does not depend on inputs."""
        now = [value if _is_known(value) else None for value in values]
        for _ in range(self.most_steps + 1):
            (proceed,) = self._known(condition, now)
            if proceed is None or not bool(proceed):
                return proceed is not None
            now = self._known(body, now)
        return False

    def _known(self, name: str, feeds: Sequence[Value | None]) -> list[Value | None]:
        """What a function makes of known values; None for everything else."""
        graph = self._function(name)
        found = {tensor.name: feed for tensor, feed in zip(graph.inputs, feeds, strict=True)}
        for operation in graph.get_operations():
            inputs = [found.get(tensor.name) for tensor in operation.inputs]
            is_plain = operation.type not in CALLS | LOOPS | CHOICES | IGNORED | LISTS.keys()
            if is_plain and all(each is not None for each in inputs):
                results = self._operation(operation, inputs)
                found |= {t.name: v for t, v in zip(operation.outputs, results, strict=True)}
        return [found.get(tensor.name) for tensor in graph.outputs]

    def _choice(self, operation: Any, inputs: list[Value]) -> list[Value]:
        if not _is_known(inputs[0]):
            raise ConversionError(
                f"{operation.name} takes one of two ways, by its input: save the model without it"
            )
        branch = "then_branch" if bool(inputs[0]) else "else_branch"
        return self._call(operation.get_attr(branch).name, inputs[1:])

    def _plain(self, operation: Any, inputs: list[Value]) -> list[Value]:
        if all(_is_known(value) for value in inputs) and not operation.op_def.is_stateful:
            with tf.init_scope():
                return execute(operation, inputs)
        symbolic = [self._symbolic(value) for value in inputs]
        with tf.name_scope(operation.name.rpartition("/")[2].strip("_") or operation.type):
            stand_in = self._stand_ins.get(operation.type)
            if stand_in is not None:
                try:
                    return [stand_in(operation, symbolic)]
                except KeyError:
                    return execute(operation, symbolic)
            results = execute(operation, symbolic)
        return [_known_or_itself(result) for result in results]

    def _symbolic(self, value: Value) -> Any:
        """A tensor of the current trace; a known value becomes a constant in it, once."""
        if not _is_known(value):
            return value
        key = id(value), id(tf.compat.v1.get_default_graph())
        if key not in self._constants:
            self._constants[key] = value, tf.constant(value.numpy(), value.dtype)
        return self._constants[key][1]

    def _whole(self, value: Value) -> Value:
        """A loop's variable in the current trace; lists as they are."""
        return value if isinstance(value, (list, Rows)) else self._symbolic(value)


def execute(operation: Any, inputs: list[Value]) -> list[Value]:
    """The same operation on other inputs, now or in the current trace."""
    raw = getattr(tf.raw_ops, operation.type)
    wanted = inspect.signature(raw).parameters
    arguments: dict[str, Any] = {}
    at = 0
    for argument, name in _named(operation, wanted):
        count = _count(operation, argument)
        arguments[name] = inputs[at] if count is None else inputs[at : at + count]
        at += 1 if count is None else count
    for attribute in operation.node_def.attr:
        name = RENAMED.get(attribute, attribute)
        if name in wanted:
            arguments[name] = operation.get_attr(attribute)
    if operation.type == "Const":
        return [_eager(tf.make_ndarray(arguments["value"]), arguments["dtype"])]
    results = raw(**arguments)
    if isinstance(results, (list, tuple)):
        return list(tf.nest.flatten(results))
    return [] if results is None else [results]


def _named(operation: Any, parameters: Mapping[str, Any]) -> list[tuple[Any, str]]:
    """An operation's arguments with their names in Python, where some have another."""
    arguments = list(operation.op_def.input_arg)
    own = {argument.name for argument in arguments}
    own |= {attribute.name for attribute in operation.op_def.attr}
    renamed = iter([name for name in parameters if name not in own and name != "name"])
    return [(a, a.name if a.name in parameters else next(renamed)) for a in arguments]


def _count(operation: Any, argument: Any) -> int | None:
    """How many tensors an argument takes; None for one that is no list."""
    if argument.number_attr:
        return int(operation.get_attr(argument.number_attr))
    if argument.type_list_attr:
        return len(operation.get_attr(argument.type_list_attr))
    return None


def _is_known(value: Value) -> bool:
    return isinstance(value, tf.__internal__.EagerTensor)


def _known_or_itself(value: Any) -> Value:
    """A size that can be told from shapes alone, as a number."""
    small = value.shape.is_fully_defined() and value.shape.num_elements() <= SMALL
    if not small or not (value.dtype.is_integer or value.dtype.is_bool):
        return value
    found = tf.get_static_value(value)
    return value if found is None else _eager(found, value.dtype)


def _eager(value: Any, dtype: Any) -> Any:
    with tf.init_scope():
        return tf.constant(value, dtype)


def _reserve(replay: Replay, operation: Any, inputs: list[Value]) -> list[Value]:
    del operation
    if replay.keeps_loops and not _is_known(inputs[1]):
        return [Rows(inputs[1])]
    return [[None] * _length(inputs[1])]


def _from_tensor(replay: Replay, operation: Any, inputs: list[Value]) -> list[Value]:
    del operation
    tensor = replay._symbolic(inputs[0])
    count = tensor.shape[0]
    if replay.keeps_loops and (count is None or count > replay.most_steps):
        return [Rows(tf.shape(tensor)[0] if count is None else count, tensor)]
    if count is None:
        raise ConversionError(
            "a loop over an open number of steps: save the model with a fixed length, or convert "
            "its .keras file"
        )
    return [tf.unstack(tensor, axis=0)]


def _get_item(replay: Replay, operation: Any, inputs: list[Value]) -> list[Value]:
    del operation
    values, index, *_ = inputs
    if isinstance(values, Rows):
        return [values.at(replay._symbolic(index))]
    if replay.keeps_loops and not _is_known(index):
        return [Rows(len(values), tf.stack(values)).at(index)]
    return [values[_length(index)]]


def _set_item(replay: Replay, operation: Any, inputs: list[Value]) -> list[Value]:
    del operation
    values, index, element = inputs[0], inputs[1], replay._symbolic(inputs[2])
    if isinstance(values, Rows):
        return [values.put(replay._symbolic(index), element)]
    changed = list(values)
    changed[_length(index)] = element
    return [changed]


def _stack(replay: Replay, operation: Any, inputs: list[Value]) -> list[Value]:
    del replay, operation
    values = inputs[0]
    return [values.tensor if isinstance(values, Rows) else tf.stack(values, axis=0)]


def _count_of(replay: Replay, operation: Any, inputs: list[Value]) -> list[Value]:
    del replay, operation
    values = inputs[0]
    count = values.count if isinstance(values, Rows) else len(values)
    return [_eager(count, tf.int32) if isinstance(count, int) else count]


def _length(value: Value) -> int:
    """A position or number of steps, which must be known."""
    if not _is_known(value):
        raise ConversionError(
            "a loop whose steps depend on its input: save the model with a fixed length, or "
            "convert its .keras file"
        )
    return int(value)


LISTS: dict[str, Callable[[Replay, Any, list[Value]], list[Value]]] = {
    "TensorListFromTensor": _from_tensor,
    "TensorListGetItem": _get_item,
    "TensorListLength": _count_of,
    "TensorListReserve": _reserve,
    "TensorListSetItem": _set_item,
    "TensorListStack": _stack,
}
"""Operators on lists, which carry the values of a loop's steps."""
