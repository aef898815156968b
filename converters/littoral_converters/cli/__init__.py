"""The verbs that this package adds to the ``littoral`` command."""
