"""Help for a name that does not exist."""

from collections.abc import Iterable
from difflib import get_close_matches


def near_first(name: str, known: Iterable[str]) -> list[str]:
    """Return ``known`` with the names most like ``name`` first, the others sorted after them.

    >>> near_first("alpa", ["tol", "alpha", "solver"])
    ['alpha', 'solver', 'tol']
    """
    names = sorted(known)
    near = get_close_matches(name, names, n=3)
    return near + [other for other in names if other not in near]
