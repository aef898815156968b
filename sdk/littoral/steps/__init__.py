"""Preprocessing steps. One file each; the file's name is the step's name in a card.

A step's module offers three names, and its docstring says what each setting means:

    Settings                           a frozen dataclass of what a card may say of the step, its
                                       fields made by `littoral.steps._settings.setting`
    ENDINGS                            of the files that hold what `apply` takes, lower case; () for
                                       a step that takes no file
    apply(settings, raw) -> ndarray    `raw` is what the user has, or what the step before returned

A step over time may offer one more, for `littoral.Model.stream`:

    signal(settings) -> Samples        a signal that goes on (`littoral.steps._signals`): the same
                                       arithmetic, done once for each part of it

`apply` raises `InputError` for data that it cannot take. Arithmetic is written down exactly enough
to be done again in another language: ``tests/golden`` holds the results that every port must give.
"""
