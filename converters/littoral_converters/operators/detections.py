"""Boxes that overlap better ones left out, every choice of one written out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from littoral_converters.operators import Substitute
from littoral_converters.operators._known import known

MOST_CHOICES = 32
"""Boxes of a class up to which the choices are written out: each takes some thirty operators."""


def substitutes(format_name: str) -> Mapping[str, Substitute]:
    """What a format lacks; see `littoral_converters.operators`."""
    if format_name == "onnx":
        return {"CombinedNonMaxSuppression": _combined_apart}
    return {"CombinedNonMaxSuppression": _combined, "NonMaxSuppressionV3": _as_many}


def _as_many(operation: Any, inputs: Sequence[Any]) -> Any:
    """The places of the best boxes: TFLite's converter would fill them up to the most."""
    del operation
    places, count = tf.raw_ops.NonMaxSuppressionV4(
        boxes=inputs[0],
        scores=inputs[1],
        max_output_size=inputs[2],
        iou_threshold=inputs[3],
        score_threshold=inputs[4],
        pad_to_max_output_size=True,
    )
    return places[:count]


def _combined_apart(operation: Any, inputs: Sequence[Any]) -> Any:
    """Where each class has boxes of its own, which tf2onnx does not know."""
    if inputs[0].shape[2] == 1:
        raise NotImplementedError
    return _combined(operation, inputs)


def _combined(operation: Any, inputs: Sequence[Any]) -> Any:
    """The best boxes (batch, total, 4), their scores and classes (batch, total), and how many.

    From boxes (batch, boxes, 1 or classes, 4) and scores (batch, boxes, classes).
    """
    boxes, scores, _, _, overlap, least = inputs
    each, total = (known(tensor) for tensor in operation.inputs[2:4])
    if each is None or total is None or None in (*boxes.shape[1:], *scores.shape[1:]):
        raise NotImplementedError
    count = min(int(each), scores.shape[1])
    if count > MOST_CHOICES:
        raise NotImplementedError
    classes = scores.shape[2]
    boxes = tf.transpose(boxes, [0, 2, 1, 3])
    left = tf.transpose(scores, [0, 2, 1])
    left = tf.where(left > least, left, _GONE)
    chosen = []
    for _ in range(count):
        score, box, left = _choice(boxes, left, overlap)
        chosen.append((score, box))
    all_scores = tf.reshape(tf.stack([score for score, _ in chosen], 2), [-1, classes * count])
    all_boxes = tf.reshape(tf.stack([box for _, box in chosen], 2), [-1, classes * count, 4])
    size = int(total)
    if operation.get_attr("pad_per_class"):
        size = min(size, int(each) * classes)
    return _best(all_scores, all_boxes, (count, size), operation.get_attr("clip_boxes"))


_GONE = -1e30
"""The score of a box that is chosen or left out."""


def _choice(boxes: Any, left: Any, overlap: Any) -> tuple[Any, Any, Any]:
    """The best box of each class.

    Args:
        boxes: (batch, 1 or classes, boxes, 4).
        left: Scores of those that may be chosen, (batch, classes, boxes).
        overlap: Beyond which another one is left out.

    Returns:
        Its score (batch, classes), itself (batch, classes, 4), and the scores that are left.
    """
    best = tf.argmax(left, axis=-1, output_type=tf.int32)
    is_best = tf.equal(tf.range(left.shape[-1]), best[..., None])
    score = tf.reduce_max(left, axis=-1)
    box = tf.reduce_sum(tf.where(is_best[..., None], boxes, 0.0), axis=2)
    is_over = _overlap(boxes, box[:, :, None]) > overlap
    return score, box, tf.where(tf.logical_or(is_best, is_over), _GONE, left)


def _overlap(a: Any, b: Any) -> Any:
    """What two boxes share, of what they cover together."""
    lows = [tf.minimum(each[..., :2], each[..., 2:]) for each in (a, b)]
    highs = [tf.maximum(each[..., :2], each[..., 2:]) for each in (a, b)]
    first, second = (_area(high - low) for low, high in zip(lows, highs, strict=True))
    sides = tf.minimum(highs[0], highs[1]) - tf.maximum(lows[0], lows[1])
    shared = _area(tf.maximum(sides, 0.0))
    is_flat = tf.logical_or(first <= 0, second <= 0)
    return tf.where(is_flat, 0.0, shared / tf.where(is_flat, 1.0, first + second - shared))


def _area(sides: Any) -> Any:
    return sides[..., 0] * sides[..., 1]


def _best(scores: Any, boxes: Any, sizes: tuple[int, int], clips: bool) -> list[Any]:
    """Of the choices of all classes the best: boxes, scores, classes and their number."""
    each, size = sizes
    missing = max(size - scores.shape[1], 0)
    scores = tf.pad(scores, [[0, 0], [0, missing]], constant_values=_GONE)
    boxes = tf.pad(boxes, [[0, 0], [0, missing], [0, 0]])
    values, places = tf.math.top_k(scores, size)
    is_there = values > _GONE
    boxes = tf.gather(boxes, places, axis=1, batch_dims=1)
    if clips:
        boxes = tf.clip_by_value(boxes, 0.0, 1.0)
    kinds = tf.floor((tf.cast(places, tf.float32) + 0.5) / each)
    return [
        tf.where(is_there[..., None], boxes, 0.0),
        tf.where(is_there, values, 0.0),
        tf.where(is_there, kinds, 0.0),
        tf.reduce_sum(tf.cast(is_there, tf.int32), axis=1),
    ]
