"""Evaluations as a page in Markdown: per recording, horizon and model, how much better than predicting no change."""

import json
import math
import sys
from pathlib import Path

TITLES = {
    "bitflyer": "bitFlyer BTC_JPY, four days of executions, bars of a minute",
    "binance_us": "Binance.US BTC-USDT, three weeks of minutes",
    "bitstamp": "Bitstamp BTC-USD, three hours of orders with the rebuilt book, bars of ten seconds",
}
LEVEL = 0.05
HEAD = """# What has skill, and what has none

Three recordings, each cut by time: scales and models know the first part only, what is judged here came later. A
label looks ahead by its horizon; labels that reach over a border are left out, and after it one horizon is, too. The
default of comparison is the prediction that nothing changes; "better by" is by how much the mean squared error is
smaller, with a 95 % interval from a block bootstrap over time. The verdict is that of the Diebold-Mariano test at 5 %,
corrected by Holm for all {n} comparisons of this page: with so many, one that looks good by chance is to be expected.

Skill is not profit: what is told of a last price may be its way back from one side of the spread to the other, which
who trades pays. A baseline of +0.00% knows nothing yet (seasonal, within the first day) and predicts no change itself.

Made by `examples/skill/compare.sh`; the recordings are not part of Foretable.
"""


def holm(p_values):
    """Corrected p-values in the order given (Holm 1979); a missing one counts as 1."""
    order = sorted(range(len(p_values)), key=lambda i: 1.0 if p_values[i] is None else p_values[i])
    corrected, largest = [1.0] * len(p_values), 0.0
    for place, i in enumerate(order):
        p = 1.0 if p_values[i] is None else p_values[i]
        largest = max(largest, min(1.0, p * (len(p_values) - place)))
        corrected[i] = largest
    return corrected


def verdict(row, p):
    """Skill, worse, or none."""
    if p >= LEVEL:
        return "no skill shown"
    return "**skill**" if row["mse_difference"] < 0 else "worse than nothing"


def lines(rows, corrected):
    """The rows of one recording as a table; ``corrected`` are the p-values of those that are no zero change."""
    zero = {row["label"]: row["mse"] for row in rows if row["model"] == "zero change"}
    yield "| horizon | predictor | rows | better by | interval | direction right | rank correlation | verdict |"
    yield "|---|---|---|---|---|---|---|---|"
    for row in rows:
        if row["model"] == "zero change":
            continue
        better, low, high = (
            0.0 - row[name] / zero[row["label"]] for name in ("mse_difference", "difference_upper", "difference_lower")
        )
        who = row["model"].split("_")[-2] if row["version"] else row["model"]
        rank = "" if math.isnan(row["information_coefficient"]) else f"{row['information_coefficient']:.3f}"
        right = f"{row['directional_accuracy']:.1%}"
        horizon = row["label"].removeprefix("next_")
        yield (
            f"| {horizon} | {who} | {row['n']:,} | {better:+.2%} | {low:+.2%} to {high:+.2%} | {right} | {rank} | "
            f"{verdict(row, corrected.pop(0))} |"
        )


def main(files):
    """Print the page."""
    recordings = {Path(file).stem: json.loads(Path(file).read_text()) for file in files}
    compared = [row for rows in recordings.values() for row in rows if row["model"] != "zero change"]
    corrected = holm([row["dm_p_value"] for row in compared])
    print(HEAD.format(n=len(compared)))
    for name, rows in recordings.items():
        print(f"## {TITLES[name]}\n")
        print("\n".join(lines(rows, corrected)) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
