"""Labels read from the scores of a recognizer, step by step, as CTC has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import tensorflow as tf
from littoral.errors import ConversionError

from littoral_converters.lowering import Plan


def functions(plan: Plan) -> Mapping[str, Callable[..., Any]]:
    """Stand-ins for Keras's functions; see `littoral_converters.lowering`."""
    return {"backend.tensorflow.nn.ctc_decode": partial(_decode, plan.format)}


def _decode(
    format_name: str,
    original: Callable[..., Any],
    inputs: Any,
    sequence_lengths: Any,
    strategy: str = "greedy",
    beam_width: int = 100,
    top_paths: int = 1,
    merge_repeated: bool = True,
    mask_index: int | None = 0,
) -> Any:
    """The best label of each step (batch, steps, labels), once each, without blanks.

    Returns:
        The labels, int32 (1, batch, steps), -1 behind the last; the negated sum of their scores,
        (batch, 1).

    Raises:
        ConversionError: A search for the best sequence: its beams are as many as the data asks for.
    """
    del original, beam_width, top_paths
    if strategy != "greedy":
        raise ConversionError(
            f"keras.ops.ctc_decode searches with strategy={strategy!r}, which {format_name} cannot "
            "express: take strategy='greedy', or end the model before it and decode its output"
        )
    scores = tf.cast(inputs, tf.float32)
    steps, count = scores.shape[1:]
    if steps is None or count is None:
        raise ConversionError(
            f"keras.ops.ctc_decode of an open number of steps cannot be written for {format_name}: "
            "give the model's input a fixed length, or end the model before it"
        )
    blank = (count - 1 if mask_index is None else mask_index) % count
    best = tf.argmax(scores, -1, output_type=tf.int32)
    is_step = tf.range(steps) < tf.cast(sequence_lengths, tf.int32)[:, None]
    is_label = tf.logical_and(is_step, tf.not_equal(best, blank))
    if merge_repeated:
        before = tf.pad(best[:, :-1], [[0, 0], [1, 0]], constant_values=-1)
        is_label = tf.logical_and(is_label, tf.not_equal(best, before))
    labels = _first(best, is_label, steps)
    sums = tf.reduce_sum(tf.where(is_step, tf.reduce_max(scores, -1), 0.0), -1, keepdims=True)
    return labels[None], -sums


def _first(values: Any, is_wanted: Any, steps: int) -> Any:
    """The wanted values in a row (batch, steps), and -1 behind them."""
    place = tf.range(steps, dtype=tf.float32)
    _, order = tf.math.top_k(-tf.where(is_wanted, place, place + steps), steps)
    values = tf.where(is_wanted, values, -1)
    return tf.gather(values, order, axis=1, batch_dims=1)
