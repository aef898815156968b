"""Every error that littoral raises on purpose.

    LittoralError
    |-- ModelError             the model file is at fault
    |   |-- FormatError        not a model, truncated, or asks for an operator the engine lacks
    |   `-- IntegrityError     its bytes are not the ones that were written
    |-- EngineError            the engine is at fault
    |   |-- EngineNotInstalled the message names the extra that brings it
    |   |-- EngineBusy         a pool has more calls than may wait
    |   `-- EngineCrashed      the process that ran the engine died
    |-- InputError             the data or the arguments: which one, what was expected, what came
    |-- ConversionError        which layer, which format, which scheme, and what to do
    |   `-- VerificationError  the file was written but does not say what Keras says
    `-- TargetError            the machine to measure on could not be used

A message is one line that says what, where and what to do; the command line prints it as it is.
"""


class LittoralError(Exception):
    """Base of every error that littoral raises on purpose."""

    exit_code = 1


class ModelError(LittoralError):
    """The model file cannot be used."""


class FormatError(ModelError):
    """The file is no model, is truncated, or needs an operator that the engine does not have."""


class IntegrityError(ModelError):
    """The file's bytes do not match the digest or signature that it carries."""


class EngineError(LittoralError):
    """The engine refused or failed."""


class EngineNotInstalled(EngineError):
    """No installed library does what is asked; the message names the extra to install."""


class EngineBusy(EngineError):
    """A pool has as many calls as may wait: try again later."""


class EngineCrashed(EngineError):
    """The process that ran the engine died."""


class InputError(LittoralError):
    """Data or arguments do not fit: the message says which, what was expected and what came."""

    exit_code = 2


class ConversionError(LittoralError):
    """A model cannot be expressed in a format or scheme: which layer, and what to do instead."""


class VerificationError(ConversionError):
    """A converted file disagrees with its Keras model, so it was not kept."""


class TargetError(LittoralError):
    """The machine to measure on could not be reached or used."""
