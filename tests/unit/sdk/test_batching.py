"""How a batch goes through a file: the same numbers either way, and bounded memory."""

import littoral
import numpy as np
import pytest
from littoral import batching, integrity
from littoral.card import Card
from onnx_writer import write as write_onnx
from tflite_writer import Graph, Op, T, write

CARD = Card(name="dense").to_json().encode()
WIDTH = 32
WEIGHTS = np.random.default_rng(0).standard_normal((WIDTH, WIDTH)).astype(np.float32)


def dense(first, *, card=True, reshape=False):
    """y = x @ w, of one sample or of any number; a reshape writes the one into the file."""
    opened = None if first == 1 else [-1, WIDTH]
    tensors = [
        T("x", [1, WIDTH], open_shape=opened),
        T("w", [WIDTH, WIDTH], data=WEIGHTS.T),
        T("b", [WIDTH], data=np.zeros(WIDTH)),
        T("y", [1, WIDTH], open_shape=opened),
        T("shape", [2], "int32", data=np.array([1, WIDTH])),
        T("z", [1, WIDTH]),
    ]
    operators = [Op("FULLY_CONNECTED", [0, 1, 2], [3], "FullyConnectedOptions")]
    if reshape:
        operators.append(Op("RESHAPE", [3, 4], [5], "ReshapeOptions"))
    content = write(
        Graph(tensors, [0], [5 if reshape else 3], operators),
        metadata={"littoral_card": CARD} if card else None,
    )
    return integrity.seal(content) if card else content


def rows(count):
    return np.random.default_rng(count).standard_normal((count, WIDTH)).astype(np.float32)


@pytest.mark.parametrize("reshape", [False, True])
@pytest.mark.parametrize("first", [1, None])
@pytest.mark.parametrize("count", [1, 7, 8, 9, 63, 64, 65, 300])
def test_a_batch_gives_what_its_samples_give_one_by_one(first, reshape, count):
    if first is None and reshape:
        return
    x = rows(count)
    with littoral.load(dense(first, reshape=reshape)) as model:
        singly = np.stack([model.run(row) for row in x])
        for _ in range(3):  # before the race, after it, and from then on
            np.testing.assert_array_equal(model.run(x), singly)
            np.testing.assert_array_equal(model.run(x[:3]), singly[:3])
        np.testing.assert_allclose(singly, x @ WEIGHTS, rtol=1e-4, atol=1e-4)
        np.testing.assert_array_equal(model.run_raw(x), singly)


def test_the_loop_is_left_where_the_engine_can_do_better():
    """A dense layer of 32 by 32 takes a fraction of a call's overhead: a batch must win."""
    with littoral.load(dense(1)) as model:
        model.run(rows(64))
        assert model._calls.batches.size in (batching.FEW, batching.MANY)
    with littoral.load(dense(1, reshape=True)) as model:
        model.run(rows(64))
        assert model._calls.batches.size == 0


def test_a_file_of_unknown_origin_is_given_a_batch_as_it_came():
    """Its open axis may be time: what one row gives may depend on the others."""
    content = write_onnx(
        [("x", "float32", ["n", 2])],
        [("y", "float32", ["n", 2])],
        [("CumSum", ["x", "axis"], ["y"], {})],
        {"axis": np.array(0)},
    )
    x = np.ones((1000, 2), np.float32)
    with littoral.load(content) as model:
        np.testing.assert_array_equal(model.run(x), np.cumsum(x, 0))
    with littoral.load(dense(None, card=False)) as model:
        model.run(rows(300))
        assert model._calls.batches.size is None


def test_a_race_ends_where_results_differ():
    def runs(size):
        return lambda arrays: [arrays[0] + (size == batching.FEW)]

    assert batching.race([rows(64)], (batching.MANY, batching.FEW), runs) is None


def test_a_keras_batch_of_any_size_takes_bounded_memory():
    """At most 256 samples are in the engine at once."""
    content = write_onnx(
        [("x", "float32", ["n", WIDTH])],
        [("y", "float32", ["n", WIDTH])],
        [("MatMul", ["x", "w"], ["y"], {})],
        {"w": WEIGHTS},
        {"littoral_card": CARD.decode()},
    )
    with littoral.load(integrity.seal(content)) as model:
        x = rows(5000)
        np.testing.assert_allclose(model.run(x), x @ WEIGHTS, rtol=1e-4, atol=1e-4)
        assert model._calls.shapes == ((batching.LARGEST, WIDTH),)
