"""The page of ``foretable explore``: for each feature its distribution, day, memory and information, as drawings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from jobs.report_format import fixed, instant, number, percent, seconds, text, whole
from jobs.report_shell import whole_page
from models.bootstrap import Interval

Values = NDArray[np.float64]
_WIDTH, _HEIGHT, _LEFT, _FOOT = 250, 96, 42, 16
_CSS = """<style>.feature { display: grid; grid-template-columns: repeat(auto-fit, minmax(250px, 1fr)); gap: 4px 20px; }
.feature svg { width: 100%; max-width: 330px; height: auto; } .feature text { font-size: 9px; fill: var(--soft); }
.feature .rule { stroke: var(--rule); } .feature .ink { stroke: var(--accent); fill: none; stroke-width: 1.4; }
.feature .dot { fill: var(--accent); } .feature .sure { fill: var(--held); } .feature .whisker { stroke: var(--soft); }
</style>"""


@dataclass(frozen=True)
class Explored:
    """What is shown of one feature; lists go with ``Exploration.offsets``."""

    name: str
    numbers: dict[str, float]  # as ``models.exploration.describe``
    shares: Values  # of the values in equal bins between p0.5 and p99.5
    hourly: Values  # (24,)
    memory: Sequence[float]
    information: Sequence[Interval | None]


@dataclass(frozen=True)
class Exploration:
    """All features of a set, on training time."""

    features: Sequence[Explored]
    offsets: Sequence[int]  # bars: of memory back, of information ahead
    bar_seconds: int
    n_rows: int
    symbols: Sequence[str]
    first: datetime
    last: datetime


def render_exploration(found: Exploration, made_at: datetime) -> str:
    """The whole page as HTML text; the features that tell most about the shortest horizon come first."""
    ordered = sorted(found.features, key=_strength, reverse=True)
    body = (
        f"{_CSS}<h1>What the features look like</h1>"
        f"<p>{whole(found.n_rows)} bars of {text(seconds(found.bar_seconds))}, {text(', '.join(found.symbols))}, "
        f"{instant(found.first)} to {instant(found.last)} UTC. "
        f"<b>Training time only</b>: what is held out stays unseen until a model is judged on it.</p>"
        f"<p class=soft>Memory is the correlation of a feature with itself some bars before. Information is the rank "
        f"correlation (Spearman) with the return over the next bars; the line is its 95 % interval, from blocks of "
        f"time; a mark in the second colour is one whose interval leaves out zero. Of twenty features without any "
        f"information one such mark is to be expected at each horizon.</p>"
        f"{''.join(_feature(one, found) for one in ordered)}"
        f"<footer class=soft>Made {instant(made_at)} UTC by Foretable. Times are UTC.</footer>"
    )
    return whole_page("Foretable: features", body, {})


def _strength(one: Explored) -> float:
    known = [abs(interval.mean) for interval in one.information if interval is not None]
    return known[0] if known else -1.0


def _feature(one: Explored, found: Exploration) -> str:
    n = one.numbers
    words = (
        f"{whole(n['n'])} values, {percent(n['share_null'])} NULL, mean {number(n['mean'])}, deviation "
        f"{number(n['deviation'])}, skewness {number(n['skewness'])}, excess kurtosis {number(n['kurtosis'])}, "
        f"1 % {number(n['p01'])}, median {number(n['median'])}, 99 % {number(n['p99'])}"
    )
    labels = [seconds(bars * found.bar_seconds) for bars in found.offsets]
    drawings = (
        _figure("Distribution", _bars(one.shares)),
        _figure("Mean by hour, UTC", _line(one.hourly, [str(hour) for hour in range(0, 24, 6)])),
        _figure("Memory", _marks([(value, None) for value in one.memory], labels)),
        _figure("Information ahead", _marks([(i.mean if i else float("nan"), i) for i in one.information], labels)),
    )
    return f"<h3>{text(one.name)}</h3><p class=soft>{words}</p><div class=feature>{''.join(drawings)}</div>"


def _figure(title: str, drawing: str) -> str:
    box = f'viewBox="0 0 {_WIDTH} {_HEIGHT + _FOOT}" role=img aria-label="{title.lower()}"'
    return f"<figure><figcaption>{title}</figcaption><svg {box}>{drawing}</svg></figure>"


def _bars(shares: Values) -> str:
    if not len(shares) or shares.max() <= 0:
        return _nothing()
    width = (_WIDTH - _LEFT) / len(shares)
    return "".join(
        f'<rect x="{_LEFT + i * width:.1f}" y="{_HEIGHT * (1 - share / shares.max()):.1f}" width="{width - 0.6:.1f}" '
        f'height="{_HEIGHT * share / shares.max():.1f}"/>'
        for i, share in enumerate(shares)
    )


def _line(values: Values, labels: Sequence[str]) -> str:
    known = np.isfinite(values)
    if not known.any():
        return _nothing()
    low, high = _room(values[known])
    x = _LEFT + np.arange(len(values)) * (_WIDTH - _LEFT - 8) / max(len(values) - 1, 1)
    parts, run = [_scale(low, high)], ""
    for at, value in enumerate(values):
        if np.isfinite(value):
            run += f"{x[at]:.1f},{_y(value, low, high):.1f} "
        elif run:
            parts.append(f'<polyline class=ink points="{run}"/>')
            run = ""
    parts.append(f'<polyline class=ink points="{run}"/>' if run else "")
    step = len(values) // len(labels)
    return "".join(parts) + "".join(_foot(x[i * step], label) for i, label in enumerate(labels))


def _marks(points: Sequence[tuple[float, Interval | None]], labels: Sequence[str]) -> str:
    ends = [value for mean, i in points for value in ((mean, i.lower, i.upper) if i else (mean,)) if np.isfinite(value)]
    if not ends:
        return _nothing()
    low, high = _room(np.array([0.0, *ends]))
    step = (_WIDTH - _LEFT) / len(points)
    parts = [_scale(low, high)]
    for at, ((mean, interval), label) in enumerate(zip(points, labels, strict=True)):
        x = _LEFT + (at + 0.5) * step
        parts.append(_foot(x, label))
        if not np.isfinite(mean):
            continue
        sure = interval is not None and interval.excludes_zero
        if interval is not None:
            top, bottom = _y(interval.upper, low, high), _y(interval.lower, low, high)
            parts.append(f'<line class=whisker x1="{x:.1f}" x2="{x:.1f}" y1="{top:.1f}" y2="{bottom:.1f}"/>')
        word = fixed(mean, 3) + (f" [{fixed(interval.lower, 3)}, {fixed(interval.upper, 3)}]" if interval else "")
        place = f'class={"sure" if sure else "dot"} cx="{x:.1f}" cy="{_y(mean, low, high):.1f}" r="3.4"'
        parts.append(f"<circle {place}><title>{label}: {word}</title></circle>")
    return "".join(parts)


def _room(values: Values) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    margin = 0.08 * (high - low) or abs(high) * 0.1 or 1.0
    return low - margin, high + margin


def _y(value: float, low: float, high: float) -> float:
    return _HEIGHT * (1 - (value - low) / (high - low))


def _scale(low: float, high: float) -> str:
    """Top and bottom in numbers, and the line of zero where it lies between them."""
    words = f'<text x="0" y="9">{number(high, 2)}</text><text x="0" y="{_HEIGHT}">{number(low, 2)}</text>'
    if not low < 0 < high:
        return words
    y = _y(0.0, low, high)
    return f'{words}<line class=rule x1="{_LEFT}" x2="{_WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>'


def _foot(x: float, label: str) -> str:
    return f'<text x="{x:.1f}" y="{_HEIGHT + 12}" text-anchor="middle">{text(label)}</text>'


def _nothing() -> str:
    return f'<text x="{_LEFT}" y="{_HEIGHT / 2}">too few values, or all equal</text>'
