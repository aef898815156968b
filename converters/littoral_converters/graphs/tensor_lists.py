"""TensorFlow's lists of tensors, which loops read and fill, as what ONNX's Loop has for them.

1. A list that is only read is the tensor that it was made of; an element is a row of it.
2. A list that a loop fills in order, an element a turn, is a scan output of that loop: the engine
   puts its rows behind each other, and those that were set before the loop go before them. It is
   written as TensorFlow's older array, which ONNX's converter knows as one.
3. So is a list of one element that every turn sets anew: of the rows, the last one counts.
4. Any other list stays, and the format's converter names it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from littoral_converters.graphs.nodes import become
from littoral_converters.graphs.while_loops import Loops, Variable, tensor


def without_lists(graph_def: Any) -> None:
    """Replace the lists of a graph's loops, in place.

    Args:
        graph_def: A frozen tf.compat.v1.GraphDef whose loops are circles of nodes.
    """
    if not any(node.op.startswith("TensorList") for node in graph_def.node):
        return
    loops = Loops(graph_def)
    for one in loops.variables():
        if _is_filled(one, loops):
            _fill(one, loops)
    for node in [node for node in graph_def.node if node.op == "TensorListFromTensor"]:
        if _is_only_read(node.name, loops):
            dtype = tf.as_dtype(node.attr["element_dtype"].type)
            become(node, "Identity", node.input[:1], T=dtype.as_datatype_enum)
            _read(node.name, dtype, loops)


def _ends(one: Variable, loops: Loops) -> tuple[Any, Any]:
    """What makes a variable before the first turn, and what makes it in a turn."""
    before, after = (loops.source(node.input[0]) for node in (one.enter, one.following))
    return loops.maker(before), loops.maker(after)


def _begun(one: Variable, loops: Loops) -> tuple[Any, list[str]]:
    """What makes a list, and the elements that are set before the first turn, in their order."""
    node, elements = _ends(one, loops)[0], dict[Any, str]()
    while node.op == "TensorListSetItem":
        elements[_number(node.input[1], loops)] = node.input[2]
        node = loops.maker(loops.source(node.input[0]))
    count = len(elements)
    if elements.keys() != set(range(count)):
        return _ends(one, loops)[0], []
    return node, [elements[at] for at in range(count)]


def _is_filled(one: Variable, loops: Loops) -> bool:
    """Whether a variable is a list that its loop's turns fill, one element each."""
    (reserve, before), (_, write) = _begun(one, loops), _ends(one, loops)
    if (reserve.op, write.op) != ("TensorListReserve", "TensorListSetItem"):
        return False
    in_turns = [*loops.users(one.in_body), *loops.users(f"{write.name}:0")]
    if [node.name for node in in_turns] != [write.name, one.following.name]:
        return False
    is_single = _number(reserve.input[1], loops) == 1
    in_order = is_single or _counts_turns(write.input[1], loops, len(before))
    return in_order and all(_is_only_read(end.name, loops) for end in one.exits)


@dataclass(frozen=True)
class _Array:
    """A list as TensorFlow's older array.

    Attributes:
        dtype: Of its elements.
        shape: Of an element.
        count: How many there are; None for any number.
        is_whole: Whether the loop is known to set all that were not set before it.
    """

    dtype: Any
    shape: tf.TensorShape
    count: int | None
    is_whole: bool

    def made(self, size: Any) -> Any:
        """Its handle, and what its loop hands on from turn to turn."""
        return tf.raw_ops.TensorArrayV3(size=size, dtype=self.dtype, element_shape=self.shape)

    def rows(self, handle: Any, flow: Any, size: Any, *before: Any) -> list[Any]:
        """What is in it behind the loop, as a tensor; `before` are the elements set before it."""
        found = tf.raw_ops.TensorArrayGatherV3(
            handle=handle,
            # All of them, but nobody may tell from its size how many: a loop may be left early.
            indices=tf.range(tf.cast(flow, tf.int32)),
            flow_in=flow,
            dtype=self.dtype,
            element_shape=self.shape,
        )
        if before:
            found = tf.concat([tf.stack(before), found], axis=0)
        if not self.is_whole:
            found = _completed(found[-1:] if self.count == 1 else found, size)
        if self.shape.rank is None:
            return [found]
        return [tf.ensure_shape(found, tf.TensorShape([self.count]).concatenate(self.shape))]


def _fill(one: Variable, loops: Loops) -> None:
    """Write such a list as an array, and what reads it afterwards as what reads a tensor."""
    (reserve, before), (_, write) = _begun(one, loops), _ends(one, loops)
    size, dtype = reserve.input[1], tf.as_dtype(write.attr["element_dtype"].type)
    count = _number(size, loops)
    is_whole = count != 1 and _turns_are(size, one, loops, len(before))
    array = _Array(dtype, _element_shape(reserve, loops), count, is_whole)
    scope = f"{one.merge.name}/array"
    handle, flow = loops.put(scope, array.made, (size, tf.int32))
    inside = loops.copy(one.enter, f"{scope}/enter", handle, tf.resource)
    inside.attr["is_constant"].b = True
    written = [inside.name, *write.input[1:], one.in_body]
    become(write, "TensorArrayWriteV3", written, T=dtype.as_datatype_enum)
    one.enter.input[0], one.following.input[0] = flow, write.name
    for node in (one.enter, one.merge, one.switch, one.following):
        node.attr["T"].type = tf.float32.as_datatype_enum
    for name in (one.in_body, write.name):
        _retype(name, tf.float32, loops)
    for end in one.exits:
        left = loops.copy(end, f"{scope}/{end.name}", end.input[0], tf.float32)
        given = (handle, tf.resource), (f"{left.name}:0", tf.float32), (size, tf.int32)
        elements = [(element, dtype) for element in before]
        (found,) = loops.put(f"{left.name}/rows", array.rows, *given, *elements)
        become(end, "Identity", [found], T=dtype.as_datatype_enum)
        _read(end.name, dtype, loops)


def _completed(rows: Any, size: Any) -> Any:
    """Rows, and zeros in the place of those that a loop was left before."""
    missing = tf.reshape(tf.maximum(size - tf.shape(rows)[0], 0), [1])
    zeros = tf.zeros(tf.concat([missing, tf.shape(rows)[1:]], axis=0), rows.dtype)
    return tf.concat([rows, zeros], axis=0)


def _is_only_read(name: str, loops: Loops) -> bool:
    """Whether a list is read, here and in the loops that it goes into, and never written."""
    return all(
        node.op in _READERS or (_hands_on(node) and _is_only_read(node.name, loops))
        for node in loops.takers(f"{name}:0")
    )


def _read(name: str, dtype: Any, loops: Loops) -> None:
    """Let everything that reads a list read the tensor of its elements instead."""
    for node in loops.takers(f"{name}:0"):
        if _hands_on(node):
            node.attr["T"].type = dtype.as_datatype_enum
            _read(node.name, dtype, loops)
        else:
            _READERS[node.op](node, dtype, loops)


def _hands_on(node: Any) -> bool:
    is_constant = node.op == "Enter" and node.attr["is_constant"].b
    return is_constant or node.op in ("Exit", "Identity")


def _element(node: Any, dtype: Any, loops: Loops) -> None:
    rows, index, _ = node.input
    (axis,) = loops.put(f"{node.name}/axis", lambda _: [tf.constant(0)], (index, tf.int32))
    kinds = {"Tindices": tf.int32.as_datatype_enum, "Taxis": tf.int32.as_datatype_enum}
    become(node, "GatherV2", [rows, index, axis], Tparams=dtype.as_datatype_enum, **kinds)


def _whole(node: Any, dtype: Any, loops: Loops) -> None:
    del loops
    become(node, "Identity", node.input[:1], T=dtype.as_datatype_enum)


def _length(node: Any, dtype: Any, loops: Loops) -> None:
    given = (node.input[0], dtype)
    found = loops.put(f"{node.name}/rows", lambda rows: [tf.shape(rows)[0]], given)
    become(node, "Identity", found, T=tf.int32.as_datatype_enum)


_READERS = {
    "TensorListGetItem": _element,
    "TensorListLength": _length,
    "TensorListStack": _whole,
}
"""What reads a list, and how it reads a tensor."""


def _counts_turns(index: str, loops: Loops, first: int) -> bool:
    """Whether a tensor of a loop is a number in the first turn and 1 more in every other."""
    source = loops.source(index)
    for one in loops.variables():
        if source in (one.in_body, tensor(one.merge.name)):
            before, after = _ends(one, loops)
            is_sum = after.op in ("Add", "AddV2") and _number(before.name, loops) == first
            added = [name for name in after.input if loops.source(name) != one.in_body]
            return is_sum and [_number(name, loops) for name in added] == [1]
    return False


def _turns_are(size: str, one: Variable, loops: Loops, first: int) -> bool:
    """Whether a loop's turns reach the end of its list, whatever its body finds.

    They may be counted from the first element that they set, or from 0.
    """
    waiting, limits = [loops.maker(one.switch.input[1]).input[0]], []
    while waiting:
        node = loops.maker(loops.source(waiting.pop()))
        if node.op == "LogicalAnd":
            waiting += node.input
        elif node.op == "Less" and any(
            _counts_turns(node.input[0], loops, start) for start in (0, first)
        ):
            limits.append(node.input[1])
        else:
            return False
    return all(_are_same(limit, size, loops) for limit in limits)


def _are_same(one: str, other: str, loops: Loops) -> bool:
    values = [_number(each, loops) for each in (one, other)]
    return _settled(one, loops) == _settled(other, loops) or (
        values[0] is not None and values[0] == values[1]
    )


def _number(reference: str, loops: Loops) -> Any | None:
    """A constant number; None for any other tensor."""
    value = _constant(reference, loops)
    return None if value is None or value.size != 1 else value.item()


def _element_shape(reserve: Any, loops: Loops) -> tf.TensorShape:
    """The shape of a list's elements, as far as it is known."""
    sizes = _constant(reserve.input[0], loops)
    if sizes is None or sizes.ndim == 0:
        return tf.TensorShape(None)
    return tf.TensorShape([None if size < 0 else size for size in sizes])


def _constant(reference: str, loops: Loops) -> Any | None:
    node = loops.maker(_settled(reference, loops))
    return tf.make_ndarray(node.attr["value"].tensor) if node.op == "Const" else None


def _settled(reference: str, loops: Loops) -> str:
    """Where a number comes from, into loops and through a maximum of it alone."""
    reference = loops.source(reference)
    while (node := loops.maker(reference)).op in ("Enter", "Max"):
        reference = loops.source(node.input[0])
    return reference


def _retype(name: str, dtype: Any, loops: Loops) -> None:
    """Give what hands a tensor on another dtype."""
    for node in loops.takers(name):
        if node.op == "Identity":
            node.attr["T"].type = dtype.as_datatype_enum
            _retype(f"{node.name}:0", dtype, loops)
