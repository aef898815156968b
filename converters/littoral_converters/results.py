"""A variant as the JSON object that every listing of variants holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from littoral_converters.pipeline import Variant

MEASURED = (
    "latency_p50_us",
    "latency_p90_us",
    "latency_p99_us",
    "cold_start_ms",
    "peak_memory_bytes",
)
"""Filled in by a measurement; null until there is one."""


def result_of(variant: Variant, family: str | None) -> dict[str, Any]:
    """The variant's figures.

    Args:
        variant: A verified file.
        family: What the model calls its family; None for somebody's own.

    Returns:
        An object with the keys that ``demo.json`` has. ``target_error`` is the mean distance from
        the targets that the labels are where they are no classes, ``float_target_error`` Keras's.
    """
    found = variant.verification
    return {
        "family": family,
        "format": variant.format,
        "scheme": variant.scheme,
        "lowering": variant.lowering,
        "float_layers": list(variant.float_layers),
        "recommended": variant.recommended,
        "min_runtime": variant.min_runtime,
        "path": str(variant.path),
        "size_bytes": variant.size_bytes,
        "accuracy": found.value if found.metric == "accuracy" else None,
        "float_accuracy": found.float_value if found.metric == "accuracy" else None,
        "drop_points": found.drop_points,
        "target_error": found.value if found.metric == "mean_abs_error" else None,
        "float_target_error": found.float_value if found.metric == "mean_abs_error" else None,
        "max_abs_error": found.max_abs_error,
        "mean_abs_error": found.mean_abs_error,
        "rms_error": found.rms_error,
        "agreement": found.agreement,
        "samples": found.samples,
        "warnings": list(variant.warnings),
        **dict.fromkeys(MEASURED),
        "passed": found.passed,
    }
