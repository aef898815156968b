"""What this machine's processor has."""

from pathlib import Path


def has_int8_products() -> bool:
    """Whether an x86 processor multiplies and sums int8 in one instruction (VNNI).

    Without it float32 computes as fast as int8, or faster.
    """
    flags = Path("/proc/cpuinfo").read_text()
    return "avx512_vnni" in flags or "avx_vnni" in flags


def has_wide_vectors() -> bool:
    """Whether an x86 processor has vectors of 512 bits, which XNNPACK's fastest kernels take."""
    return "avx512f" in Path("/proc/cpuinfo").read_text()
