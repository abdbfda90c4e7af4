"""Compiling a function with numba at its first call, kept on disk where a folder for it can be written."""

from collections.abc import Callable
from typing import Any

from numba import njit


def compiled(function: Callable[..., Any]) -> Any:
    """Compile; without a folder to keep the code in, as for some users on a cluster, each process compiles anew."""
    try:
        return njit(cache=True, error_model="numpy")(function)
    except RuntimeError:
        return njit(error_model="numpy")(function)
