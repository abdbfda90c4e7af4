"""Errors a user may meet: the message is one sentence with the remedy, the class carries the exit code."""


class ForetableError(Exception):
    """Base of every error that Foretable reports in one sentence instead of a stack trace.

    ``condition`` stands before the sentence where it travels as text, out of a SQL session.
    """

    exit_code = 1
    condition = "FORETABLE_BUG"


class UsageError(ForetableError):
    """The command, configuration or argument is wrong."""

    exit_code = 2
    condition = "FORETABLE_USAGE"


class DataContractError(ForetableError):
    """The data is not what the command needs: a table, column, file or share of bad rows."""

    exit_code = 3
    condition = "FORETABLE_DATA"


class ModelContractError(ForetableError):
    """The model is unknown, does not fit the features, or its artifact was changed."""

    exit_code = 4
    condition = "FORETABLE_MODEL"


class StorageError(ForetableError):
    """Reading or writing failed: disk, download, permission."""

    exit_code = 74
    condition = "FORETABLE_STORAGE"


class TryAgainError(ForetableError):
    """Another run holds what this one needs."""

    exit_code = 75
    condition = "FORETABLE_TRY_AGAIN"


class SafetyError(ForetableError):
    """Refused because it would be unsafe."""

    exit_code = 77
    condition = "FORETABLE_REFUSED"


class NothingToDo(ForetableError):
    """Everything is already up to date."""

    exit_code = 99
    condition = "FORETABLE_NOTHING_TO_DO"
