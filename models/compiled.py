"""Two ways to compile a function with numba.

``kernel`` is for what Python calls: kept on disk, so that only the first run on a machine compiles. ``part`` is for
what only kernels call: no entry from Python and no copy on disk, which halves the time of that first run.
numba alone would notice a change in the kernel's own file only, and run old code after an edit of a part elsewhere; so
the folder of the compiled code is named by a digest of the whole package that holds the function.
"""

import hashlib
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numba
from numba import njit

_config: Any = numba.config  # typed Any: numba's annotations lack what is used here
_njit: Any = njit


@cache
def _cache_folder(package: Path) -> Path:
    sources = b"".join(file.read_bytes() for file in sorted(package.glob("*.py")))
    if _config.CACHE_DIR:
        base = Path(_config.CACHE_DIR)
    else:
        base = package / "__pycache__" if os.access(package, os.W_OK) else Path.home() / ".cache" / "foretable"
    return base / f"{package.name}_{hashlib.sha256(sources).hexdigest()[:16]}"


def kernel(function: Callable[..., Any]) -> Any:
    """Compile at the first call and keep the result on disk."""
    return _kept(function)


def part(function: Callable[..., Any]) -> Any:
    """Compile into the kernels that call it."""
    return _njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, error_model="numpy")(function)


def lean_kernel(function: Callable[..., Any]) -> Any:
    """A kernel that makes no array, and of whose parts none does: nothing counts references then.

    Counting them costs more than the rest of a short function that is handed many arrays: leaving it out, and copying
    the parts into one another, made the replay of an order book four times as fast.
    """
    return _kept(function, _nrt=False)


def lean_part(function: Callable[..., Any]) -> Any:
    """A part that makes no array, copied to where it is called."""
    options = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, "error_model": "numpy"}
    return _njit(**options, forceinline=True, _nrt=False)(function)


def _kept(function: Callable[..., Any], **options: Any) -> Any:
    folder = str(_cache_folder(Path(function.__code__.co_filename).parent))
    before, _config.CACHE_DIR = _config.CACHE_DIR, folder
    try:
        return _njit(cache=True, error_model="numpy", **options)(function)
    except (RuntimeError, OSError):  # no folder for the compiled code can be written, as for some users on a cluster
        return _njit(error_model="numpy", **options)(function)
    finally:
        _config.CACHE_DIR = before
