"""What this machine's processor has."""

from pathlib import Path


def has_wide_vectors() -> bool:
    """Whether an x86 processor has vectors of 512 bits, which XNNPACK's fastest kernels take."""
    return "avx512f" in Path("/proc/cpuinfo").read_text()
