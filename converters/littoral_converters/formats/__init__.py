"""Formats: writers from a traced graph to the bytes of a model file. One file each.

A format module offers these names; the file's name is the format's name:

    SUFFIX: str                          of the file, for example ".tflite"
    TOOLS: tuple[str, ...]               packages besides TensorFlow whose versions the card names
    write(graph: TracedGraph) -> bytes   the float32 file, with Keras names in Keras order
    stamp(content, card) -> bytes        the same file with its card inside
    halve_io(content) -> bytes           the same file with float16 for float32 inputs and outputs

A format whose engine is slow at some operators of a file under its scheme offers one more:

    tuned(content) -> bytes              the same file in operators that today's engine is fast at
"""
