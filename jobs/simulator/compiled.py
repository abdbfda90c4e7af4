"""Two ways to compile a function with numba.

``kernel`` is for what Python calls: kept on disk, so that only the first run on a machine compiles. ``part`` is for
what only kernels call: no entry from Python and no copy on disk, which halves the time of that first run.
numba notices a change in the kernel's own file only: touch the files of the kernels after editing a part elsewhere.
"""

from functools import partial

from numba import njit

kernel = partial(njit, cache=True, error_model="numpy")()
part = partial(njit, no_cpython_wrapper=True, no_cfunc_wrapper=True, error_model="numpy")()
