"""A picture of how the loss fell while a model was fitted."""

from collections.abc import Mapping, Sequence
from pathlib import Path


def write_loss_curve(loss_history: Mapping[str, Sequence[float]], file: Path) -> None:
    """Write a PNG with one line a split over the iterations, counted from 1."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), dpi=100, layout="constrained")
    axes = figure.add_subplot(xlabel="iteration", ylabel="loss")
    for split, losses in loss_history.items():
        axes.plot(range(1, len(losses) + 1), losses, label=split)
    axes.legend()
    figure.savefig(file, format="png")
