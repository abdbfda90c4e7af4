"""Names of families and options: help for one that does not exist, and which are class paths."""

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


def is_class_path(family: str) -> bool:
    """Whether a model family is a class of scikit-learn, or several; the names of Foretable's own have no dot."""
    return "." in family
