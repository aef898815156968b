"""Schemes: what is quantized. One file each.

A scheme module offers a function for each format that can express it, named like the format, and
four constants; the file's name is the scheme's name:

    tflite(content, samples) -> bytes    the float32 file's bytes in, the scheme's out
    onnx(content, samples) -> bytes
    NEEDS_SAMPLES: bool                  whether it must see representative data
    MAX_ERROR: float | None              largest error allowed, as a share of the output's range
    RMS_ERROR: float                     root mean square error allowed, of the output's
    MAX_DROP: float                      accuracy that may be lost on evaluation data, in points

`samples` is a sequence of feeds: one array per input name, batch axis of 1 in front.

A scheme that can leave some operators float (mixed precision) says so with a fifth constant, and
its functions take a third argument, the names of those operators as
`littoral_converters.mixing.layers.operators_of` gives them:

    KEEPS_FLOAT: bool                    absent or False: the scheme is all or nothing
    tflite(content, samples, keep_float=NOTHING) -> bytes

    GOOD_ERROR: float                    absent: RMS_ERROR; from here on `convert` does so by itself

A scheme that does not go together with float16 inputs and outputs says

    HALF_IO: bool                        False; absent: True

Two more say how recurrences are best written for it; see `littoral_converters.lowering.recurrent`:

    WEIGHT_BYTES: float                  absent: 4; of a weight in memory while the file runs
    INTEGER: bool                        absent: False; every operator is computed in integers

A scheme that a search leaves out unless it is asked for by name says why in another:

    NOT_SEARCHED: str                    absent or empty: searched
"""

from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

Feed = Mapping[str, NDArray[Any]]
Samples = Sequence[Feed]
KeepFloat = frozenset[str]
NOTHING: KeepFloat = frozenset()
