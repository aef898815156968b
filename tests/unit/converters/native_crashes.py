"""Functions that do what native converters do at their worst; called in the worker process."""

import ctypes
import os

from littoral.errors import InputError


def abort():
    os.abort()


def segfault():
    ctypes.string_at(0)


def double(value):
    return 2 * value


def refuse():
    raise InputError("input image is blue")


def fail():
    return 1 / 0


def process_id():
    return os.getpid()


def chatter():
    os.write(1, b"Created XNNPACK delegate\n")
    print("hello")
    return "done"
