"""Do the steps of a pipeline: tried again where an error passes, ended at their time limit, summed up at the end."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobs.app import format_table
from jobs.clean_stop import stoppable
from jobs.pipeline_graph import in_order
from jobs.step_jobs import Rows, do_step, rows_made
from jobs.stop_request import Stopped
from models.errors import ForetableError, NothingToDo, StorageError, TryAgainError

if TYPE_CHECKING:
    from jobs.app import App
    from jobs.step_settings import StepSettings


@dataclass(frozen=True)
class Outcome:
    """How a step ended: done, nothing to do, failed, skipped or stopped."""

    step: str
    state: str
    seconds: float | None = None
    rows: int | None = None
    message: str | None = None
    error: Exception | None = None

    @property
    def is_broken(self) -> bool:
        """Whether steps that need this one cannot be done."""
        return self.state in ("failed", "skipped")


def run_pipeline(
    app: App,
    heading: Callable[[str], None],
    steps: Sequence[StepSettings] | None = None,
    is_rescore: bool = False,
) -> bool:
    """Do the steps of the configuration, or ``steps`` of them; True where one of them had something to do.

    After a step that failed those that need it are skipped, the others go on. ``is_rescore`` lets score steps score
    all rows.

    Raises:
        Exception: that of the first step that failed, after all others had their turn.
        Stopped: somebody asked to stop; at once.
    """
    outcomes: dict[str, Outcome] = {}
    app.session()  # its start counts for no step
    try:
        for step in in_order(app.config.steps) if steps is None else steps:
            missing = [name for name in step.needs or () if name in outcomes and outcomes[name].is_broken]
            if missing:
                outcome = Outcome(step.name, "skipped", message=f"it needs {', '.join(missing)}")
                app.say(f"\n{step.name} is skipped: {outcome.message}")
            else:
                heading(step.name)
                outcomes[step.name] = Outcome(step.name, "stopped")  # what is told where it does not come to its end
                outcome = _attempts(app, step, is_rescore)
            outcomes[step.name] = outcome
    finally:
        _tell(app, list(outcomes.values()))
    for outcome in outcomes.values():
        if outcome.error is not None:
            raise outcome.error
    return any(outcome.state == "done" for outcome in outcomes.values())


def _attempts(app: App, step: StepSettings, is_rescore: bool) -> Outcome:
    started = time.monotonic()
    for attempt in range(step.retries + 1):
        outcome = _attempt(app, step, is_rescore, started)
        if outcome.error is None or not _passes(outcome.error) or attempt == step.retries:
            break
        wait = step.retry_wait_seconds * 2**attempt * random.uniform(0.5, 1.5)
        app.say(f"{step.name}: {outcome.message}; attempt {attempt + 2} of {step.retries + 1} in {wait:.1f} s")
        time.sleep(wait)
    return outcome


def _attempt(app: App, step: StepSettings, is_rescore: bool, started: float) -> Outcome:
    def ended(state: str, n_rows: int | None = None, error: Exception | None = None) -> Outcome:
        seconds = round(time.monotonic() - started, 1)
        app.say(f"{step.name}: {error or state} ({seconds} s)")
        message = None if error is None else " ".join(str(error).split())[:300]
        return Outcome(step.name, state, seconds, n_rows, message, None if isinstance(error, NothingToDo) else error)

    try:
        tables = _within_limit(app, step, is_rescore)
    except NothingToDo as e:
        return ended("nothing to do", error=e)
    except Exception as e:
        return ended("failed", error=_known(e))
    for table in tables:
        app.emit(table)
    return ended("done", rows_made(tables))


def _within_limit(app: App, step: StepSettings, is_rescore: bool) -> list[Rows]:
    """Do a step; its Spark jobs are cancelled at its time limit, and on a signal.

    Raises:
        TryAgainError: it took too long.
        Stopped: a signal came.
    """
    try:
        with stoppable(app.session(), step.timeout_seconds):
            return do_step(app, step, is_rescore)
    except Stopped as e:
        if not e.is_time_limit:
            raise
        raise TryAgainError(
            f"{step.name} was stopped after {step.timeout_seconds:g} s, its timeout_seconds: nothing half done was "
            "published"
        ) from e


def _known(error: Exception) -> Exception:
    """The error as a user should see it."""
    from jobs.spark_errors import translate

    return error if isinstance(error, ForetableError) else translate(error) or error


def _passes(error: Exception) -> bool:
    """Whether it may be gone the next time: the disk, the network, another run."""
    return isinstance(error, StorageError | TryAgainError | OSError)


def _tell(app: App, outcomes: Sequence[Outcome]) -> None:
    """The table of the steps, on stderr."""
    names = ("step", "state", "seconds", "rows", "message")
    app.say("")
    for line in format_table([{name: getattr(outcome, name) for name in names} for outcome in outcomes]):
        app.say(line)
