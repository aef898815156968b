"""Recurrent network for sequences of different length: stacked LSTM or GRU, one or both ways."""

from __future__ import annotations

from dataclasses import dataclass

import keras
from keras import layers
from littoral.errors import InputError

from littoral_models.families import standardize

_CELLS = {"lstm": layers.LSTM, "gru": layers.GRU}


@dataclass(frozen=True)
class Config:
    """Sizes of an RNN.

    Attributes:
        shape: Shape of one sample, (steps, features): the longest sequence. Shorter ones are
            padded at the end with steps of zeros, which the layers pass over.
        classes: Number of classes.
        input_name: Name of the input.
        cell: ``"lstm"`` or ``"gru"``.
        width: Units of each layer and direction.
        depth: Number of layers.
        bidirectional: Read the sequence both ways.
        dropout: Share of the features between layers left out in training.
    """

    shape: tuple[int, ...] = (32, 13)
    classes: int = 10
    input_name: str = "sequence"
    cell: str = "lstm"
    width: int = 64
    depth: int = 1
    bidirectional: bool = False
    dropout: float = 0.2


def build(config: Config) -> keras.Model:
    """Build the model.

    The features are standardized by the real steps of the training data, behind the mask, so that
    padding stays padding.

    Args:
        config: Sizes.

    Returns:
        float32 [batch, steps, features] -> ``scores`` float32 [batch, classes].

    Raises:
        InputError: Samples that are not sequences, or an unknown cell.
    """
    if len(config.shape) != 2:
        raise InputError(
            f"rnn takes sequences [steps, features], not samples of shape {list(config.shape)}"
        )
    if config.cell not in _CELLS:
        raise InputError(f"rnn: unknown cell {config.cell!r}: choose from {', '.join(_CELLS)}")
    sequence = keras.Input(config.shape, name=config.input_name)
    x = layers.Masking(name="padding")(sequence)
    x = standardize()(x)
    for number in range(1, config.depth + 1):
        name = f"{config.cell}_{number}"
        layer = _CELLS[config.cell](config.width, return_sequences=number < config.depth, name=name)
        if config.bidirectional:
            layer = layers.Bidirectional(layer, name=f"both_ways_{number}")
        x = layer(x)
        x = layers.Dropout(config.dropout, name=f"dropout_{number}")(x)
    scores = layers.Dense(config.classes, activation="softmax", dtype="float32", name="scores")(x)
    return keras.Model(sequence, scores, name=config.cell)
