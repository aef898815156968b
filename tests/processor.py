"""What this machine's processor has for the engines' kernels."""

from littoral.cli import doctor


def has_int8_products() -> bool:
    """Whether an x86 processor multiplies and sums int8 in one instruction (VNNI).

    Without it float32 computes as fast as int8, or faster.
    """
    return not {"avx512_vnni", "avx_vnni"}.isdisjoint(doctor.features())


def has_wide_vectors() -> bool:
    """Whether an x86 processor has vectors of 512 bits, which XNNPACK's fastest kernels take."""
    return "avx512f" in doctor.features()
