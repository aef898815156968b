"""Search: the fastest file that keeps the accuracy, found by proof and by measurement.

    candidates -> made (size) -> compared with Keras (accuracy) -> mended -> timed in turn -> best

Each step is dearer than the one before it and sees only what that left. Read `search` from the top.
"""
