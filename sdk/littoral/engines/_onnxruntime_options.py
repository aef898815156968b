"""ONNX Runtime's options: execution providers with their own options, and the session's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from littoral.engines import _options
from littoral.engines._native import reason
from littoral.errors import EngineError, InputError

_LEVELS = {
    "disable": "ORT_DISABLE_ALL",
    "basic": "ORT_ENABLE_BASIC",
    "extended": "ORT_ENABLE_EXTENDED",
    "all": "ORT_ENABLE_ALL",
}
_MODES = {"sequential": "ORT_SEQUENTIAL", "parallel": "ORT_PARALLEL"}
_ENDING = "ExecutionProvider"


def apply(
    library: Any, session: Any, options: Mapping[str, Any], known: Mapping[str, str]
) -> list[Any]:
    """Set the session's options.

    Args:
        library: The imported onnxruntime.
        session: Its SessionOptions.
        options: By name.
        known: What options there are.

    Returns:
        The execution providers in order, with their options, as an InferenceSession takes them.

    Raises:
        InputError: An option that there is not, a value that it does not take, a provider that
            this build has not.
    """
    available = {name.removesuffix(_ENDING): name for name in library.get_available_providers()}
    wanted = _wanted(options, available)
    _options.check(options, {**known, **{f"{name}.*": "" for name in wanted}}, "onnxruntime")
    _set_numbers(library, session, options)
    for name, value in _options.group(options, "dimension.").items():
        session.add_free_dimension_override_by_name(
            name, _options.whole(f"dimension.{name}", value)
        )
    for name, value in _options.group(options, "config.").items():
        session.add_session_config_entry(name, value)
    if "profile" in options:
        session.enable_profiling = True
        session.profile_file_prefix = str(options["profile"])
    if "optimized_model" in options:
        session.optimized_model_filepath = str(options["optimized_model"])
    if "custom_ops" in options:
        _register(session, str(options["custom_ops"]))
    own = {name: _options.group(options, f"{name}.") for name in wanted}
    return [(available[n], own[n]) if own[n] else available[n] for n in wanted]


def check_used(session: Any, providers: list[Any]) -> None:
    """Refuse to go on without a provider that was asked for: the library falls back silently.

    Args:
        session: The InferenceSession.
        providers: As `apply` returned them.

    Raises:
        EngineError: One of them did not start.
    """
    used = session.get_providers()
    for provider in providers:
        name = provider if isinstance(provider, str) else provider[0]
        if name not in used:
            raise EngineError(
                f"the provider {name} does not start here (a driver or library is missing, or an "
                f"option is wrong); running: {', '.join(used)}"
            )


def _set_numbers(library: Any, session: Any, options: Mapping[str, Any]) -> None:
    if "optimization" in options:
        level = _options.chosen("optimization", options["optimization"], _LEVELS)
        session.graph_optimization_level = getattr(library.GraphOptimizationLevel, level)
    if "execution" in options:
        mode = _options.chosen("execution", options["execution"], _MODES)
        session.execution_mode = getattr(library.ExecutionMode, mode)
    if "inter_op_threads" in options:
        session.inter_op_num_threads = _options.whole(
            "inter_op_threads", options["inter_op_threads"]
        )
    for name, attribute in (
        ("memory_arena", "enable_cpu_mem_arena"),
        ("memory_pattern", "enable_mem_pattern"),
    ):
        if name in options:
            setattr(session, attribute, _options.switch(name, options[name]))


def _register(session: Any, path: str) -> None:
    try:
        session.register_custom_ops_library(path)
    except Exception as error:  # the library's own exceptions share no base but Exception
        raise InputError(f"option custom_ops: {path} does not load: {reason(error)}") from error


def _wanted(options: Mapping[str, Any], available: Mapping[str, str]) -> list[str]:
    """The providers that are asked for, without their ending."""
    by_name = {name.lower(): name for name in available}
    found = []
    for wanted in _options.listed(options.get("providers", "CPU")):
        name = by_name.get(wanted.removesuffix(_ENDING).lower())
        if name is None:
            raise InputError(
                f"option providers: this onnxruntime has no {wanted}: choose from "
                f"{', '.join(available)}; other builds of it (onnxruntime-gpu, "
                "onnxruntime-openvino) have others"
            )
        found.append(name)
    return found
