"""Formats: writers from a traced graph to the bytes of a model file. One file each.

A format module offers three names; the file's name is the format's name:

    SUFFIX: str                          of the file, for example ".tflite"
    write(graph: TracedGraph) -> bytes   the float32 file, inputs and outputs with Keras names, in order
    stamp(content, card) -> bytes        the same file with its card inside
"""
