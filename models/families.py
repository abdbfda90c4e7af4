"""The model families by name: what each can do, its options with their defaults, and how to build one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from models.errors import UsageError
from models.grouped_model import GroupedModel, check_group
from models.keras_models import NetworkModel
from models.names import is_class_path, near_first
from models.network_bodies import BODIES, SHARED_OPTIONS, Options, check_network_options
from models.network_source import FAMILY as OWN_NETWORK
from models.network_source import NETWORK_OPTION, body_of, check_source_options
from models.protocol import Model, ModelSpec, Task, option_of
from models.sklearn_catalog import choices_of, class_path_family
from models.sklearn_models import (
    DECISION_TREE,
    FORESTS,
    GRADIENT_BOOSTING,
    LASSO,
    LINEAR,
    LOGISTIC,
    MLP,
    RIDGE,
    SklearnModel,
    check_boosting_options,
    sklearn_options,
)


@dataclass(frozen=True)
class Family:
    """One kind of model.

    Attributes:
        tasks: The tasks that it can do.
        takes_sequences: Whether its input is a window of steps instead of one row; None where it may be either.
        options: For a task, the name and default of each option.
        build: Makes an unfitted model from the spec and the feature names.
    """

    tasks: tuple[Task, ...]
    takes_sequences: bool | None
    options: Callable[[Task], dict[str, Any]]
    build: Callable[[ModelSpec, tuple[str, ...]], Model]


def _sklearn_family(estimators: Mapping[Task, Any]) -> Family:
    return Family(
        tasks=tuple(estimators),
        takes_sequences=False,
        options=lambda task: sklearn_options(estimators[task]),
        build=lambda spec, features: (SklearnModel if spec.group is None else GroupedModel)(
            spec, features, estimators[spec.task]
        ),
    )


def _network_family(options: Options, takes_sequences: bool | None = True) -> Family:
    return Family(
        tasks=("regression", "classification"),
        takes_sequences=takes_sequences,
        options=lambda task: dict(options),
        build=NetworkModel,
    )


FAMILIES: dict[str, Family] = {
    "ridge": _sklearn_family(RIDGE),
    "linear": _sklearn_family(LINEAR),
    "lasso": _sklearn_family(LASSO),
    "logistic": _sklearn_family(LOGISTIC),
    "random_forest": _sklearn_family(FORESTS),
    "gradient_boosting": _sklearn_family(GRADIENT_BOOSTING),
    "decision_tree": _sklearn_family(DECISION_TREE),
    "mlp": _sklearn_family(MLP),
    **{name: _network_family(body.options) for name, body in BODIES.items()},
    OWN_NETWORK: _network_family({**SHARED_OPTIONS, NETWORK_OPTION: None}, takes_sequences=None),
}
FAMILY_NAMES = tuple(FAMILIES)


def family_name(text: str) -> str:
    """Return the name of the family that a user means; upper and lower case do not count.

    Raises:
        UsageError: There is none, and no scikit-learn class on the list of ``models.sklearn_catalog``.
    """
    if is_class_path(text):
        return class_path_family(text)
    if text.lower() not in FAMILIES:
        known = ", ".join(near_first(text.lower(), FAMILIES))
        raise UsageError(f"There is no model family {text!r}; choose one of {known}, or a class of scikit-learn.")
    return text.lower()


def find_family(name: str) -> Family:
    """Return a family by its name, or a scikit-learn class or pipeline by its path.

    Raises:
        UsageError: As :func:`family_name`.
    """
    name = family_name(name)
    return _sklearn_family(choices_of(name)) if is_class_path(name) else FAMILIES[name]


def family_options(family: str, task: Task) -> dict[str, Any]:
    """Return the options of a family with their defaults.

    Raises:
        UsageError: The family is unknown or cannot do the task.
    """
    found = find_family(family)
    if task not in found.tasks:
        able = [name for name, other in FAMILIES.items() if task in other.tasks]
        raise UsageError(f"{family} cannot do {task}; choose one of {', '.join(able)}.")
    return found.options(task)


def options_of(spec: ModelSpec) -> dict[str, Any]:
    """Return the options of the family of a spec with their defaults; a network of the user's own names some itself.

    Raises:
        UsageError: As :func:`family_options`, or the text of the network is none.
    """
    return dict(body_of(spec).options) if spec.family == OWN_NETWORK else family_options(spec.family, spec.task)


def check_spec(spec: ModelSpec) -> None:
    """Refuse a spec that no family can fit.

    Raises:
        UsageError: Unknown family, task or option, a network option out of its range, or a sequence length or group
            that does not fit the family.
    """
    known = options_of(spec)
    for option in spec.options:
        if option not in known:
            raise UsageError(
                f"{spec.family} has no option {option!r}; its options are {', '.join(near_first(option, known))}."
            )
    if spec.family == "gradient_boosting":
        check_boosting_options(spec)
    elif option_of(spec.options, "loss") == "quantile" and option_of(spec.options, "quantile") is None:
        raise UsageError(
            f"{spec.family} does not say its quantile by that name, and would be measured as a mean; "
            "take gradient_boosting with loss = 'quantile', quantile = 0.9."
        )
    if spec.family == OWN_NETWORK:
        check_source_options(spec.options[NETWORK_OPTION], known, spec.options)
    elif spec.family in BODIES:
        check_network_options(spec.family, spec.options)
    check_group(spec)
    takes_sequences = find_family(spec.family).takes_sequences
    if takes_sequences and spec.sequence_length < 2:
        raise UsageError(
            f"{spec.family} takes windows of at least 2 steps, got sequence_length {spec.sequence_length}; "
            "set it to 2 or more."
        )
    if takes_sequences is False and spec.sequence_length != 1:
        raise UsageError(
            f"{spec.family} takes one row, got sequence_length {spec.sequence_length}; "
            f"set it to 1 or choose one of {', '.join(BODIES)}."
        )


def build_model(spec: ModelSpec, feature_names: tuple[str, ...]) -> Model:
    """Return the unfitted model that ``spec`` asks for.

    Raises:
        UsageError: As :func:`check_spec`.
    """
    check_spec(spec)
    return find_family(spec.family).build(spec, tuple(feature_names))
