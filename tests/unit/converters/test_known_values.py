"""What a graph's constants decide is found without running the graph that they are in."""

import numpy as np
import pytest
import tensorflow as tf
from littoral_converters.operators._known import known


@pytest.fixture
def opened(monkeypatch):
    """How many operations each graph has that a session was opened of."""
    sizes, session = [], tf.compat.v1.Session

    def counted(graph):
        sizes.append(len(graph.get_operations()))
        return session(graph=graph)

    monkeypatch.setattr(tf.compat.v1, "Session", counted)
    return sizes


def large(graph):
    """A graph of a thousand operations, and an input."""
    with graph.as_default():
        x = h = tf.compat.v1.placeholder(tf.float32, (None, 4))
        for _ in range(500):
            h = h * 2.0
    return x


def test_only_what_decides_a_value_is_run(opened):
    graph = tf.Graph()
    x = large(graph)
    with graph.as_default():
        axes = tf.range(1, 9, 2) * 3
        with graph.colocate_with(x.op):
            beside = tf.cumsum(axes)
        depends = tf.cast(tf.shape(x), tf.float32) + tf.ones(2)
    np.testing.assert_array_equal(known(axes), [3, 9, 15, 21])
    np.testing.assert_array_equal(known(beside), [3, 12, 27, 48])
    assert known(depends) is None
    assert opened
    assert max(opened) < 20


def test_functions_of_a_graph_are_run_in_it():
    @tf.function
    def odd(count):
        return tf.range(1, count, 2)

    with tf.Graph().as_default():
        numbers = odd(tf.constant(8))
        numbers.set_shape((4,))
        np.testing.assert_array_equal(known(numbers), [1, 3, 5, 7])


def test_what_fails_is_not_known():
    with tf.Graph().as_default():
        assert known(tf.debugging.check_numerics(tf.sqrt(tf.constant([-1.0])), "negative")) is None
