"""Verbs of the command line that need Keras."""
