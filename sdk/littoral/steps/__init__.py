"""Preprocessing steps. One file each; the file's name is the step's name in a card.

A step's module offers one function:

    apply(step, raw) -> ndarray      `step` is the card's mapping with the step's settings

It raises `InputError` for data that it cannot take. A setting that is missing from the mapping is
a KeyError, which `littoral.preprocess` explains.
"""
