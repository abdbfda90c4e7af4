"""Which version of a library is installed."""

from importlib.metadata import PackageNotFoundError, version


def installed_version(library: str) -> str | None:
    """Return the version; None where the library is not installed."""
    try:
        return version(library)
    except PackageNotFoundError:
        return None
