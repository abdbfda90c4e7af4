"""The key ``steps`` of foretable.yml: which jobs ``foretable run`` does, what each needs, how often it tries."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from models.errors import UsageError
from models.names import near_first

JOBS = ("ingest", "book", "resample", "normalize", "train", "score", "evaluate", "report", "maintain", "sql")
DEFAULT_STEPS = ("ingest", "resample", "normalize", "train", "score")
STEPS_WITH_BOOK = ("ingest", "book", *DEFAULT_STEPS[1:])
StepName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]


class StepSettings(BaseModel):
    """One step. Without ``needs`` it follows the step written before it; ``needs: []`` makes it stand alone.

    ``retries`` and the growing, random waits between them are for errors that pass (exit codes 74 and 75) only.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: StepName
    job: str
    needs: tuple[str, ...] | None = None
    retries: int = Field(default=0, ge=0, le=100)
    retry_wait_seconds: float = Field(default=10.0, ge=0, le=86_400)  # before the first retry; doubles with each
    timeout_seconds: float | None = Field(default=None, gt=0)  # of one attempt
    file: str | None = Field(default=None, min_length=1)  # sql: a file of statements
    query: str | None = Field(default=None, min_length=1)  # sql: the text itself
    table: str | None = Field(default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,127}$")  # sql: keeps the query's rows

    @field_validator("job")
    @classmethod
    def _is_known(cls, job: str) -> str:
        if job not in JOBS:
            raise ValueError(f"there is no job {job}: take {', '.join(near_first(job, JOBS))}")
        return job

    @model_validator(mode="after")
    def _has_its_text(self) -> StepSettings:
        given = [name for name in ("file", "query", "table") if getattr(self, name) is not None]
        if self.job != "sql" and given:
            raise ValueError(f"{given[0]} is for sql steps, and {self.name} is a {self.job}")
        if self.job == "sql" and (self.file is None) == (self.query is None):
            raise ValueError(f"the sql step {self.name} takes either file or query")
        return self


def parse_steps(value: Any) -> Any:
    """Bring a list or a mapping of steps to one list of full mappings; the default steps where there is none.

    A list holds names of jobs, or mappings of which ``name`` may be left out where it is the job's; in a mapping the
    key is the name, and ``job`` may be left out where it is the same.

    >>> parse_steps(["resample", {"job": "sql", "name": "daily", "file": "daily.sql"}])[1]["needs"]
    ('resample',)
    """
    if value is None:
        value = list(DEFAULT_STEPS)
    if isinstance(value, Mapping):
        value = [{"name": name, **_as_mapping(step, "job", str(name))} for name, step in value.items()]
    if not isinstance(value, list | tuple):
        raise UsageError(f"steps must be a list or a mapping of steps, got a {type(value).__name__}")
    if not value:
        raise UsageError(f"steps is empty: name jobs, or leave the key out for {', '.join(DEFAULT_STEPS)}")
    steps: list[Any] = []
    before: tuple[str, ...] = ()
    for item in value:
        if isinstance(item, StepSettings):
            steps.append(item)
            before = (item.name,)
            continue
        step = _as_mapping(item, "name", None)
        job = step.setdefault("job", step.get("name"))
        if job is None:
            raise UsageError(f"the step {item!r} names no job: take one of {', '.join(JOBS)}")
        name = step.setdefault("name", job)
        if step.get("needs") is None:
            step["needs"] = before
        elif isinstance(step["needs"], str):
            step["needs"] = (step["needs"],)
        steps.append(step)
        before = (str(name),)
    return steps


def anchor_files(steps: Any, base: Path) -> None:
    """Let the files of sql steps count from the folder of the configuration."""
    items = steps.values() if isinstance(steps, Mapping) else steps if isinstance(steps, list) else []
    for item in items:
        if isinstance(item, dict) and isinstance(item.get("file"), str):
            item["file"] = str(base / Path(item["file"]).expanduser())


def _as_mapping(item: Any, key: str, default: str | None) -> dict[str, Any]:
    """A step as a mapping; one word, or nothing below a name, names the job."""
    if isinstance(item, str):
        return {key: item}
    if item is None and default is not None:
        return {key: default}
    if not isinstance(item, Mapping):
        raise UsageError(f"a step is a word or a mapping with job and needs, got {item!r}")
    return dict(item)
