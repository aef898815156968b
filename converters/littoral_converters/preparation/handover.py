"""Where a model is prepared: in the worker, or here where only the caller's process knows it."""

from __future__ import annotations

import dataclasses
import importlib
import os
import tempfile
import warnings
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from littoral.card import Card
from littoral.errors import ConversionError, InputError
from littoral.tensors import TensorSpec

from littoral_converters import isolation, sources
from littoral_converters.answers import keras_outputs
from littoral_converters.calibration import check_file
from littoral_converters.isolation import isolated
from littoral_converters.nesting import every_layer
from littoral_converters.preparation import Prepared, Request, prepare_model
from littoral_converters.preparation.data import EVALUATION, REPRESENTATIVE, agree


def prepare(model: Any, request: Request) -> Prepared:
    """Prepare a model in the worker, so that what Keras dies of does not kill the caller.

    A model in memory goes there as a file. What cannot be saved, loaded in another process, or does
    not say the same there, is prepared here, where its classes and its state are; so is a file
    whose classes only the caller knows.

    Args:
        model: Path of a .keras or .h5 file, or a built keras.Model on any backend.
        request: What is wanted of it.

    Returns:
        Graphs, data, Keras's outputs.

    Raises:
        LittoralError: See `prepare_model` and `littoral_converters.sources.open_model`.
    """
    check_file(request.representative_data, REPRESENTATIVE)
    check_file(request.evaluation_data, EVALUATION, request.needs_labels)
    if isinstance(model, (str, os.PathLike)):
        path = Path(model)
        sources.check_file(path)
        return sources.in_worker_or_here(prepare_file, path, request, doing=f"opening {model}")
    import keras

    can_stay = keras.backend.backend() == "tensorflow"
    try:
        prepared = _copied(model, request)
    except (isolation.WorkerDied, InputError):
        raise
    except Exception:
        if not can_stay:
            raise
        return prepare_model(model, request)
    if can_stay and not _says_the_same(model, prepared):
        return prepare_model(model, request)
    return prepared


def _copied(model: Any, request: Request) -> Prepared:
    """Prepare a copy of a model in memory, in the worker."""
    from littoral_converters.signature import signature_of

    signature = signature_of(model)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        with warnings.catch_warnings():
            # Of lambdas and the like, which the caller has in his own program already.
            warnings.simplefilter("ignore")
            model.save(path)
        said = (signature.inputs, signature.output_names, str(model.name), _modules(model))
        return isolated(prepare_copy, path, request, *said, doing=f"tracing {model.name}")


def _modules(model: Any) -> tuple[str, ...]:
    """Modules that register the classes of a model's layers when they are imported."""
    names = {type(layer).__module__ for layer in every_layer(model)}
    return tuple(sorted(n for n in names - {"__main__"} if n.partition(".")[0] != "keras"))


def prepare_copy(
    path: Path,
    request: Request,
    inputs: tuple[TensorSpec, ...],
    output_names: tuple[str, ...],
    name: str,
    modules: tuple[str, ...],
) -> Prepared:
    """Prepare the copy of a model in memory, under the model's own names. Run in the worker.

    Args:
        path: The copy, whose Python code is the caller's.
        request: What is wanted of it.
        inputs: The model's inputs; Keras calls those without a name anew in every process.
        output_names: The model's outputs.
        name: The model's name.
        modules: To be imported before it is loaded.

    Returns:
        As `prepare_model`.

    Raises:
        ConversionError: The copy takes other inputs than the model.
        LittoralError: See `prepare_model` and `littoral_converters.sources.open_model`.
    """
    from littoral_converters.signature import signature_of

    for module in modules:
        importlib.import_module(module)
    model = sources.open_model(path, allow_unsafe=True)
    signature = signature_of(model)
    if [(s.shape, s.dtype) for s in signature.inputs] != [(s.shape, s.dtype) for s in inputs]:
        raise ConversionError(f"model {name!r} takes other inputs once it is saved and loaded")
    named = dataclasses.replace(signature, inputs=inputs, output_names=output_names)
    prepared = prepare_model(model, request, Card(name=name), named)
    return dataclasses.replace(prepared, stem=name)


def _says_the_same(model: Any, prepared: Prepared) -> bool:
    """Whether a copy answered as its model does: a class may keep state that it does not save.

    Where Keras fails here, but not in the worker, which has oneDNN's operators, it is taken to.
    """
    from littoral_converters.clean_state import clean_state
    from littoral_converters.preparation.order import largest_first
    from littoral_converters.preparation.precision import full_precision
    from littoral_converters.signature import signature_of
    from littoral_converters.stepping.step_model import any_length

    data, said = prepared.evaluation, prepared.reference
    lengths: AbstractContextManager[None] = nullcontext()
    if prepared.streamed is not None:
        data, said = prepared.streamed.sequences, prepared.streamed.whole
        lengths = any_length(model)
    try:
        with full_precision(model), largest_first(), clean_state(model), lengths:
            own = keras_outputs(model, signature_of(model), data.head(2))
    except ConversionError:
        return True
    ends = [0, -1] if len(data) > 2 else slice(None)
    copies = {name: values[ends] for name, values in said.items()}
    return agree(own, copies)


def prepare_file(path: Path, request: Request) -> Prepared:
    """Prepare a .keras or .h5 file. Run in the worker: the caller need not import Keras.

    Run here where only the caller knows the file's classes.

    Raises:
        LittoralError: See `prepare_model` and `littoral_converters.sources.open_model`.
    """
    model = sources.open_model(path, request.allow_unsafe, request.modules)
    prepared = prepare_model(model, request, sources.card_in(path))
    card = dataclasses.replace(
        prepared.card,
        name=path.stem if prepared.card.family is None else prepared.card.name,
        source_digest=sources.digest_of(path),
    )
    return dataclasses.replace(prepared, stem=path.stem, card=card)
