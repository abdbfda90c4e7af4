"""Errors a user may meet: the message is one sentence with the remedy, the class carries the exit code."""


class ForetableError(Exception):
    """Base of every error that Foretable reports in one sentence instead of a stack trace."""

    exit_code = 1


class UsageError(ForetableError):
    """The command, configuration or argument is wrong."""

    exit_code = 2


class DataContractError(ForetableError):
    """The data is not what the command needs: a table, column, file or share of bad rows."""

    exit_code = 3


class ModelContractError(ForetableError):
    """The model is unknown, does not fit the features, or its artifact was changed."""

    exit_code = 4


class StorageError(ForetableError):
    """Reading or writing failed: disk, download, permission."""

    exit_code = 74


class TryAgainError(ForetableError):
    """Another run holds what this one needs."""

    exit_code = 75


class SafetyError(ForetableError):
    """Refused because it would be unsafe."""

    exit_code = 77


class NothingToDo(ForetableError):
    """Everything is already up to date."""

    exit_code = 99
