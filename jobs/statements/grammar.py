"""Read a model statement: what it asks for, as one of the classes below; reading has no side effect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jobs.statements.reader import Reader
from models.errors import UsageError


@dataclass(frozen=True)
class CreateModel:
    """CREATE [OR REPLACE] MODEL [IF NOT EXISTS] name USING family [TRANSFORM (…)] [OPTIONS (…)] AS query.

    ``other_labels`` are columns of the query that other models of the same statement predict.
    """

    name: str
    family: str
    query: str
    query_at: int
    options: Mapping[str, Any] = field(default_factory=dict)
    transform: tuple[tuple[str, str], ...] = ()
    is_replacing: bool = False
    is_optional: bool = False
    other_labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class ShowModels:
    """SHOW MODELS [LIKE 'pattern']."""

    pattern: str | None = None


@dataclass(frozen=True)
class ShowVersions:
    """SHOW VERSIONS IN MODEL name."""

    name: str


@dataclass(frozen=True)
class DescribeModel:
    """DESCRIBE MODEL [EXTENDED] name, 'name/3' or 'name@alias'."""

    reference: str


@dataclass(frozen=True)
class DropModel:
    """DROP MODEL [IF EXISTS] name, or one version 'name/3'."""

    reference: str
    is_optional: bool


@dataclass(frozen=True)
class SetAlias:
    """ALTER MODEL [IF EXISTS] name SET ALIAS alias = 3."""

    name: str
    alias: str
    version: int
    is_optional: bool = False


@dataclass(frozen=True)
class UnsetAlias:
    """ALTER MODEL [IF EXISTS] name UNSET ALIAS alias."""

    name: str
    alias: str
    is_optional: bool = False


@dataclass(frozen=True)
class RenameModel:
    """ALTER MODEL [IF EXISTS] name RENAME TO other."""

    name: str
    new_name: str
    is_optional: bool = False


@dataclass(frozen=True)
class EvaluateModel:
    """EVALUATE MODEL name ON (query)."""

    reference: str
    query: str
    query_at: int


@dataclass(frozen=True)
class ExportModel:
    """EXPORT MODEL name TO 'path' [FORMAT format]."""

    reference: str
    path: str
    format: str | None


@dataclass(frozen=True)
class ExplainPredict:
    """EXPLAIN PREDICT query."""

    query: str
    query_at: int


Statement = (
    CreateModel
    | ShowModels
    | ShowVersions
    | DescribeModel
    | DropModel
    | SetAlias
    | UnsetAlias
    | RenameModel
    | EvaluateModel
    | ExportModel
    | ExplainPredict
)


def read_statement(text: str) -> Statement:
    """The statement that a text asks for.

    Raises:
        UsageError: the text is not one; the message says what was expected where, with an example.
    """
    reader = Reader(text)
    verb = reader.word("CREATE", "SHOW", "DESCRIBE", "DESC", "DROP", "ALTER", "EVALUATE", "EXPORT", "EXPLAIN")
    read = {
        "CREATE": _create,
        "SHOW": _show,
        "DESCRIBE": _describe,
        "DESC": _describe,
        "DROP": _drop,
        "ALTER": _alter,
        "EVALUATE": _evaluate,
        "EXPORT": _export,
        "EXPLAIN": _explain,
    }[verb]
    statement = read(reader)
    reader.end()
    return statement


def _create(reader: Reader) -> CreateModel:
    reader.example = "CREATE MODEL m USING ridge OPTIONS (label = 'y', time = 'bar_start') AS SELECT …"
    is_replacing = reader.takes("OR", "REPLACE")
    reader.word("MODEL")
    is_optional = reader.takes("IF", "NOT", "EXISTS")
    if is_replacing and is_optional:
        raise UsageError("CREATE OR REPLACE MODEL and IF NOT EXISTS exclude each other: keep one")
    name = reader.name("the name of the model")
    reader.word("USING")
    family = reader.family()
    transform = _transform(reader) if reader.takes("TRANSFORM") else ()
    options = _options(reader) if reader.takes("OPTIONS") else {}
    reader.word("AS")
    query, query_at = reader.rest("a query")
    return CreateModel(name, family, query, query_at, options, transform, is_replacing, is_optional)


def _transform(reader: Reader) -> tuple[tuple[str, str], ...]:
    """``expression AS name`` or a plain column, separated by commas."""
    items = []
    for expression, alias in reader.expressions():
        if alias is None:
            raise UsageError(f"the TRANSFORM expression {expression} has no name: write {expression} AS name")
        items.append((alias, expression))
    names = [name.lower() for name, _ in items]
    if twice := [name for name in names if names.count(name) > 1]:
        raise UsageError(f"TRANSFORM names {twice[0]} twice: give each feature its own name")
    return tuple(items)


def _options(reader: Reader) -> dict[str, Any]:
    options: dict[str, Any] = {}
    reader.symbol("(")
    while not reader.takes_symbol(")"):
        name = reader.key().lower()
        if name in options:
            raise UsageError(f"option {name} is given twice: keep one")
        reader.symbol("=")
        options[name] = reader.value()
        if not reader.takes_symbol(","):
            reader.symbol(")")
            break
    return options


def _show(reader: Reader) -> ShowModels | ShowVersions:
    if reader.takes("MODELS"):
        return ShowModels(reader.text("a pattern such as 'ridge*'") if reader.takes("LIKE") else None)
    reader.example = "SHOW VERSIONS IN MODEL ridge_return_5m"
    for word in ("VERSIONS", "IN", "MODEL"):
        reader.word(word)
    return ShowVersions(reader.name("the name of the model"))


def _describe(reader: Reader) -> DescribeModel:
    reader.word("MODEL")
    reader.takes("EXTENDED")  # everything is shown anyway
    return DescribeModel(reader.reference())


def _drop(reader: Reader) -> DropModel:
    reader.word("MODEL")
    is_optional = reader.takes("IF", "EXISTS")
    return DropModel(reader.reference(), is_optional)


def _alter(reader: Reader) -> SetAlias | UnsetAlias | RenameModel:
    reader.example = "ALTER MODEL m SET ALIAS champion = 3, or ALTER MODEL m RENAME TO other"
    reader.word("MODEL")
    is_optional = reader.takes("IF", "EXISTS")
    name = reader.name("the name of the model")
    verb = reader.word("SET", "UNSET", "RENAME")
    if verb == "RENAME":
        reader.word("TO")
        return RenameModel(name, reader.name("the new name"), is_optional)
    reader.word("ALIAS")
    alias = reader.name("an alias such as champion")
    if verb == "UNSET":
        return UnsetAlias(name, alias, is_optional)
    reader.symbol("=")
    version = reader.literal()
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise UsageError(f"an alias points to the number of a version, got {version!r}: SHOW VERSIONS IN MODEL {name}")
    return SetAlias(name, alias, version, is_optional)


def _evaluate(reader: Reader) -> EvaluateModel:
    reader.example = "EVALUATE MODEL m ON (SELECT features, labels.return_5m FROM features)"
    reader.word("MODEL")
    reference = reader.reference()
    reader.word("ON")
    query, query_at = reader.bracketed("a query")
    return EvaluateModel(reference, query, query_at)


def _export(reader: Reader) -> ExportModel:
    reader.example = "EXPORT MODEL m TO '/tmp/m' FORMAT sql"
    reader.word("MODEL")
    reference = reader.reference()
    reader.word("TO")
    path = reader.text("a path in quotes")
    return ExportModel(reference, path, reader.name("a format").lower() if reader.takes("FORMAT") else None)


def _explain(reader: Reader) -> ExplainPredict:
    reader.example = "EXPLAIN PREDICT SELECT predict(features) FROM features"
    reader.word("PREDICT")
    query, query_at = reader.rest("a query")
    return ExplainPredict(query, query_at)
