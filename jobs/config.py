"""``foretable.yml`` describes a data set end to end; then come ``FORETABLE_…`` variables, then flags: the last wins."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from jobs.book.saved_format import FORMAT
from jobs.feature_settings import FeatureSettings
from jobs.jars import MAVEN_CENTRAL
from jobs.label_settings import LabelSettings, default_labels
from jobs.pipeline_graph import in_order
from jobs.schedule_expression import checked_cron
from jobs.sources import Source
from jobs.step_settings import STEPS_WITH_BOOK, StepSettings, anchor_files, parse_steps
from jobs.store_addresses import MetastoreAddress, StoreAddress
from models.errors import UsageError
from models.folds import FoldScheme
from models.leakage import LeakagePolicy
from models.model_version import target_name
from models.protocol import GROUP_MIN_ROWS, Task

DEFAULT_FILE = "foretable.yml"
BarSeconds = Annotated[int, Field(ge=1, le=86_400)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
ModelName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}(\.[a-z][a-z0-9_]{0,62})?$")]  # name, or name.label


class Settings(BaseModel):
    """Base of the sections: frozen, and a key that is not known is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class BarSettings(Settings):
    """Which bars are made."""

    seconds: tuple[BarSeconds, ...] = (10, 60)
    gap_free: bool = True


class BookSettings(Settings):
    """What the rebuilt order book writes into ``quotes``; the section also puts the step into ``foretable run``."""

    depth_levels: int = Field(default=10, ge=1, le=1_000)  # price levels a side of a depth
    depth_seconds: float = Field(default=10.0, ge=0, le=86_400)  # a depth with the first event of each; 0 for none
    warm_seconds: float = Field(default=1_800.0, ge=0)  # a book without a snapshot is usable after this long


class ModelSettings(Settings):
    """One model to train: a family of models/families.py with its own parameter names as options."""

    name: ModelName
    family: str
    label: str = "return_5m"  # in the file also a list: a model for each, named name.label
    options: dict[str, Any] = {}
    sequence_length: int = Field(default=1, ge=1, le=1_000)
    seed: int = 0
    group: Literal["symbol", "exchange"] | None = None  # a model for each, and one of all rows for the others
    group_min_rows: int = Field(default=GROUP_MIN_ROWS, ge=2)


class TrainingSettings(Settings):
    """How time is cut. Training time itself is settled by the scales: ``features.train_fraction``."""

    validation_fraction: float = Field(default=0.2, gt=0, lt=0.5)  # last part of training time
    split: FoldScheme | None = None  # walk_forward or purged_k_fold: what comes before test is measured in folds too
    folds: int = Field(default=5, ge=2, le=100)
    leakage: LeakagePolicy = "fail"  # what a feature does that tells its label nearly by itself
    default_model: ModelName | None = None  # answers predict(features); else the champion by validation error


def default_models() -> tuple[ModelSettings, ...]:
    """Ridge, forest and LSTM on the first label of the defaults."""
    return (
        ModelSettings(name="ridge_return_5m", family="ridge"),
        ModelSettings(name="forest_return_5m", family="random_forest"),
        ModelSettings(name="lstm_return_5m", family="lstm", sequence_length=20),
    )


class Config(Settings):
    """Everything a run needs to know; nothing else reads the environment."""

    home: Path = Path("~/.foretable")
    schema_name: Name = Field(default="foretable", alias="schema")
    master: str = "local[*]"
    maven_mirror: str = MAVEN_CENTRAL
    metastore: MetastoreAddress | None = None  # of the tables, views and SQL functions; else the warehouse folder
    registry_uri: StoreAddress | None = None  # MLflow store of the models; else a file of the home
    spark: dict[str, str] = {}
    sources: tuple[Source, ...] = ()
    max_bad: float = Field(default=0.01, ge=0, le=1)
    book: BookSettings | None = None
    bars: BarSettings = BarSettings()
    features: FeatureSettings = FeatureSettings()
    labels: tuple[LabelSettings, ...] = Field(default_factory=default_labels)
    model_bar_seconds: BarSeconds = 60
    models: tuple[ModelSettings, ...] = Field(default_factory=default_models)
    training: TrainingSettings = TrainingSettings()
    steps: tuple[StepSettings, ...] = Field(default=None, validate_default=True)  # of foretable run
    schedule: Annotated[str, AfterValidator(checked_cron)] | None = None  # when foretable schedule makes it run, in UTC

    @field_validator("features", mode="before")
    @classmethod
    def _list_is_enough(cls, value: Any) -> Any:
        """``features: [...]`` says the same as ``features: {items: [...]}``."""
        return {"items": value} if isinstance(value, list) else value

    @field_validator("steps", mode="before")
    @classmethod
    def _in_full(cls, value: Any, info: ValidationInfo) -> Any:
        """Without steps of its own a data set has the usual ones, and ``book`` where it has that section."""
        if value is None and info.data.get("book") is not None:
            value = STEPS_WITH_BOOK
        return parse_steps(value)

    @field_validator("models", mode="before")
    @classmethod
    def _one_a_label(cls, value: Any) -> Any:
        """A model with a list of labels is one model for each of them."""
        return [one for model in value for one in _models_of(model)] if isinstance(value, list) else value

    @model_validator(mode="after")
    def _fits_together(self) -> Config:
        if self.model_bar_seconds not in self.bars.seconds:
            raise ValueError(
                f"model_bar_seconds {self.model_bar_seconds} is not among bars.seconds {list(self.bars.seconds)}"
            )
        in_order(self.steps)
        labels = {label.name for label in self.labels}
        names = [model.name for model in self.models]
        for model in self.models:
            if names.count(model.name) > 1:
                raise ValueError(f"two models are named {model.name}: give each its own name")
            if model.label not in labels:
                raise ValueError(
                    f"model {model.name} predicts {model.label}, which is not a label: {', '.join(sorted(labels))}"
                )
        return self

    @property
    def book_settings(self) -> BookSettings:
        """Of the section ``book``, or the defaults where there is none."""
        return self.book or BookSettings()

    @property
    def book_digest(self) -> str:
        """As ``digest`` of the settings in use, written down or not, and of the format in which books are saved."""
        settings = self.model_copy(update={"book": self.book_settings}).digest("book")
        return hashlib.sha256(f"{settings} {FORMAT}".encode()).hexdigest()

    def label(self, name: str) -> LabelSettings:
        """The label of that name; validation has made sure that the models name only such."""
        return next(label for label in self.labels if label.name == name)

    def horizon_seconds(self, label: str) -> int:
        """How far a label looks ahead."""
        return self.label(label).horizon_seconds

    def task(self, label: str) -> Task:
        """Whether a label is a number or a class."""
        return "classification" if self.label(label).kind == "direction" else "regression"

    def digest(self, *sections: str) -> str:
        """SHA-256 of the named sections (all without one): whether a result would come out differently."""
        values = self.model_dump(mode="json", include=set(sections) or None)
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _models_of(model: Any) -> list[Any]:
    if not isinstance(model, dict) or not isinstance(model.get("label"), list):
        return [model]
    name = str(model.get("name"))
    if not model["label"]:
        raise ValueError(f"model {name} has an empty list of labels: name one, or leave the key out")
    return [{**model, "name": target_name(name, label), "label": label} for label in model["label"]]


def load_config(file: Path | None, flags: Mapping[str, Any], environment: Mapping[str, str] = os.environ) -> Config:
    """Read the file, then the environment, then the flags.

    Args:
        file: The yml; None takes ``foretable.yml`` of the current folder where there is one.
        flags: Command-line values by key of ``Config``; None means not given.
        environment: Variables; ``FORETABLE_HOME`` sets ``home`` and so on for the plain keys.

    Raises:
        UsageError: the file is missing, is not YAML, or a key or value is wrong; named in one sentence.
    """
    if file is None and Path(DEFAULT_FILE).is_file():
        file = Path(DEFAULT_FILE)
    values = _read(file) if file else {}
    base = file.resolve().parent if file else Path.cwd()
    _anchor(values, base)
    for key in ("home", "schema", "master", "maven_mirror", "metastore", "registry_uri", "max_bad"):
        if f"FORETABLE_{key.upper()}" in environment:
            values[key] = environment[f"FORETABLE_{key.upper()}"]
    given = {key: value for key, value in flags.items() if value is not None}
    in_file, in_flags = values.get("spark") or {}, given.pop("spark", {})
    values["spark"] = {**in_file, **in_flags} if isinstance(in_file, dict) else in_file
    values.update(given)
    try:
        config = Config.model_validate(values)
    except ValidationError as e:
        raise UsageError(f"{file or 'configuration'}: {_first_error(e)}") from e
    return config.model_copy(update={"home": config.home.expanduser().resolve()})


def _read(file: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    except UnicodeDecodeError as e:
        raise UsageError(f"{file} is not UTF-8 text (byte {e.start}): save it as UTF-8") from e
    except OSError as e:
        raise UsageError(f"{file} cannot be read ({e.strerror}): name the configuration with --config") from e
    except yaml.YAMLError as e:
        raise UsageError(f"{file} is not valid YAML: {' '.join(str(e).split())[:200]}") from e
    if not isinstance(values, dict):
        raise UsageError(f"{file} must hold keys such as sources, bars and models, got a {type(values).__name__}")
    return values


def _anchor(values: dict[str, Any], base: Path) -> None:
    """Paths in the file count from the file, not from where the command was typed; what is no path is left alone."""
    sources = values.get("sources")
    for holder, key in [
        (values, "home"),
        *((source, key) for source in (sources if isinstance(sources, list) else []) for key in ("path", "mapping")),
    ]:
        if isinstance(holder, dict) and isinstance(holder.get(key), str):
            holder[key] = str(base / Path(holder[key]).expanduser())
    anchor_files(values.get("steps"), base)


def _first_error(e: ValidationError) -> str:
    error = e.errors()[0]
    place = ".".join(str(part) for part in error["loc"])
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        message = "is not a known key"
    return f"{place}: {message}" if place else message
