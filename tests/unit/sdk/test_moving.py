"""Files whose kernels make room for their outputs as they run, so that the inputs move."""

import littoral
import numpy as np
import pytest
import tflite_writer
from littoral.formats import tflite
from tflite_writer import Graph, Op, T

KINDS = np.array([2, 0, 1, 2, 0, 1], np.int32)


def segment_sums(kinds):
    """Sums of the rows of each kind, spread over the rows, summed again."""
    return tflite_writer.write(
        Graph(
            [
                T("x", [6, 64]),
                T("kinds", [6], "int32", data=kinds),
                T("count", [], "int32", data=np.array(3)),
                T("sums", [3, 64]),
                T("spread", [6, 64]),
                T("more", [6, 64]),
                T("y", [3, 64]),
            ],
            [0] if kinds is not None else [0, 1],
            [6],
            [
                Op("UNSORTED_SEGMENT_SUM", [0, 1, 2], [3], "UnsortedSegmentSumOptions"),
                Op("GATHER", [3, 1], [4], "GatherOptions"),
                tflite_writer.add(4, 0, 5),
                Op("UNSORTED_SEGMENT_SUM", [5, 1, 2], [6], "UnsortedSegmentSumOptions"),
            ],
        )
    )


def chosen(index, **options):
    """One row of x, at an index."""
    return tflite_writer.write(
        Graph(
            [
                T("x", [6, 4], **options),
                T("index", [1], "int32", data=index),
                T("end", [1], "int32", data=np.array([6])),
                T("step", [1], "int32", data=np.array([1])),
                T("y", [4]),
            ],
            [0] if index is not None else [0, 1],
            [4],
            [
                Op(
                    "STRIDED_SLICE",
                    [0, 1, 2, 3],
                    [4],
                    "StridedSliceOptions",
                    {"shrinkAxisMask": 1},
                )
            ],
        )
    )


def test_a_second_call_is_as_right_as_the_first():
    with littoral.load(segment_sums(None)) as model:
        for seed in range(20):
            x = np.random.default_rng(seed).normal(size=(6, 64)).astype(np.float32)
            kinds = np.roll(KINDS, seed)
            sums = np.stack([x[kinds == kind].sum(0) for kind in range(3)])
            counts = np.bincount(kinds)[:, None]
            np.testing.assert_allclose(
                model.run({"x": x, "kinds": kinds}), sums * (counts + 1), atol=1e-5
            )


@pytest.mark.parametrize(
    ("content", "moves"),
    [
        (segment_sums(None), True),
        (segment_sums(KINDS), False),
        (chosen(None), True),
        (chosen(np.array([2])), False),
        (chosen(np.array([2]), open_shape=[-1, 4]), True),
    ],
)
def test_a_file_moves_memory_where_a_size_is_no_constant(content, moves):
    assert tflite.moves_memory(content) is moves
