"""The order of the steps of a pipeline, and the choice of some of them."""

from __future__ import annotations

from collections.abc import Sequence

from jobs.step_settings import StepSettings
from models.errors import UsageError
from models.names import near_first


def in_order(steps: Sequence[StepSettings]) -> tuple[StepSettings, ...]:
    """Steps so that each comes after all that it needs; else as they are written.

    Raises:
        UsageError: a name is there twice, a needed step is missing, or steps need each other in a circle.
    """
    by_name: dict[str, StepSettings] = {}
    for step in steps:
        if step.name in by_name:
            raise UsageError(f"two steps are named {step.name}: give one of them another name")
        by_name[step.name] = step
    for step in steps:
        for needed in step.needs or ():
            if needed not in by_name:
                near = ", ".join(near_first(needed, by_name))
                raise UsageError(f"the step {step.name} needs {needed}, which is no step: there are {near}")
    ordered: list[StepSettings] = []
    waiting = list(steps)
    while waiting:
        placed = {step.name for step in ordered}
        ready = next((step for step in waiting if placed.issuperset(step.needs or ())), None)
        if ready is None:
            raise UsageError(f"steps need each other in a circle: {' needs '.join(_circle(waiting))}")
        ordered.append(ready)
        waiting.remove(ready)
    return tuple(ordered)


def chosen_steps(
    steps: Sequence[StepSettings], first: str | None = None, only: Sequence[str] = ()
) -> tuple[StepSettings, ...]:
    """The ordered steps to do: ``first`` and all that need it, directly or not; or ``only`` those; or all.

    What a chosen step needs and is not chosen counts as done.

    Raises:
        UsageError: there is no such step; or both are given.
    """
    ordered = in_order(steps)
    names = [step.name for step in ordered]
    for name in (*only, *([first] if first else [])):
        if name not in names:
            raise UsageError(f"there is no step {name}: there are {', '.join(near_first(name, names))}")
    if first and only:
        raise UsageError("give --from or --only, not both")
    wanted = set(only or names)
    if first:
        wanted = {first}
        for step in ordered:
            if wanted.intersection(step.needs or ()):
                wanted.add(step.name)
    return tuple(step for step in ordered if step.name in wanted)


def _circle(waiting: Sequence[StepSettings]) -> list[str]:
    """Names along one circle, the first again at the end; every waiting step needs another waiting one."""
    needs = {step.name: [name for name in step.needs or () if name in {s.name for s in waiting}] for step in waiting}
    path = [waiting[0].name]
    while path.count(path[-1]) == 1:
        path.append(needs[path[-1]][0])
    return path[path.index(path[-1]) :]
