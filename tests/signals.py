"""Commands that hear a Ctrl-C, whoever started the tests.

A shell's background jobs are started deaf to it, and so is a test run among them. Setting it right
between fork and exec would be Python code in a copy of a process that has TensorFlow's threads.
"""

HEARING = ("env", "--default-signal=INT")
"""Goes before a command's own words."""
