"""foretable simulate."""

import json
import sys
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click

from jobs.app import App
from jobs.simulator import simulation
from jobs.simulator.faults import Faults
from jobs.simulator.instruments import INSTRUMENTS
from jobs.simulator.market import LONGEST_SECONDS, Market, expected_messages, last_for_messages
from jobs.simulator.simulation import SimulationSummary
from jobs.simulator.truth_file import TruthFile
from models.errors import UsageError

_EPILOG = """
Examples:

\b
  foretable simulate --out data                        about a million messages, BTC-USD and ETH-USD
  foretable simulate --out data --hours 24 --seed 7    one day of another market
  foretable simulate --out dirty --gaps 0.001 --duplicates 0.001 --malformed 0.001
  foretable simulate --out calm --signal 0             a market that nothing predicts
"""


@click.command(name="simulate", epilog=_EPILOG)
@click.option(
    "--out", "folder", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder to fill."
)
@click.option("--messages", type=click.IntRange(1), help="About so many messages of all symbols. Default 1000000.")
@click.option("--hours", type=float, help="Market time instead of a number of messages.")
@click.option("--symbols", default="BTC-USD,ETH-USD", show_default=True, help=f"Of {', '.join(INSTRUMENTS)}.")
@click.option("--start", default="2024-01-01T00:00:00", show_default=True, help="UTC instant of the first message.")
@click.option("--seed", type=int, default=0, show_default=True, help="Same seed, same bytes.")
@click.option("--signal", type=float, default=1.0, show_default=True, help="Strength of what can be learned, 0 to 5.")
@click.option("--gaps", type=float, default=0.0, help="Share of messages to drop, 0 to 1.")
@click.option("--duplicates", type=float, default=0.0, help="Share of messages to repeat.")
@click.option("--disorder", type=float, default=0.0, help="Share of messages to delay by up to 20 lines.")
@click.option("--malformed", type=float, default=0.0, help="Share of messages to damage.")
@click.option("--gzip/--no-gzip", "is_compressed", default=True, show_default=True, help="Write .jsonl.gz or .jsonl.")
@click.option("--truth", type=click.Path(dir_okay=False, path_type=Path), help="Parquet file for the hidden state.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, with every injected fault.")
@click.option("--quiet", is_flag=True, help="No progress.")
@click.option("--dry-run", is_flag=True, help="Say what would be written and stop.")
@click.pass_context
def simulate(
    ctx: click.Context,
    folder: Path,
    messages: int | None,
    hours: float | None,
    symbols: str,
    start: str,
    seed: int,
    signal: float,
    gaps: float,
    duplicates: float,
    disorder: float,
    malformed: float,
    is_compressed: bool,
    truth: Path | None,
    as_json: bool,
    quiet: bool,
    dry_run: bool,
) -> None:
    """Write order-level messages of a simulated exchange, as Coinbase's "full" channel sends them.

    One file a UTC day with all symbols in order of time. Prints the paths.
    """
    app = ctx.find_object(App) or App()
    as_json, quiet = as_json or app.is_json, quiet or app.is_quiet
    names = tuple(name.strip() for name in symbols.split(",") if name.strip())
    market = _with_duration(
        Market(
            symbols=names,
            start_time=_instant(start),
            signal_strength=signal,
            seed=seed,
        ),
        messages,
        hours,
    )
    faults = Faults(gaps, duplicates, disorder, malformed)
    if dry_run:
        n_messages = expected_messages(market)
        click.echo(
            f"would write about {n_messages:,.0f} messages, {market.duration_seconds:,} s, to {folder}", err=True
        )
        return
    with ExitStack() as stack:
        truth_file = stack.enter_context(TruthFile(truth, market)) if truth else None
        summary = simulation.simulate(
            market,
            folder,
            faults,
            progress=None if quiet else _show_progress,
            is_compressed=is_compressed,
            observe=truth_file.add if truth_file else None,
        )
    _print_summary(summary, as_json, quiet)


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--start {text} is not an instant: write it as 2024-01-01T00:00:00") from None
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def _with_duration(market: Market, messages: int | None, hours: float | None) -> Market:
    if messages is not None and hours is not None:
        raise UsageError("--messages and --hours exclude each other: give one")
    if hours is not None:
        if not 0 < hours <= LONGEST_SECONDS / 3600:
            raise UsageError(f"--hours must be above 0 and at most {LONGEST_SECONDS // 3600}, got {hours}")
        return replace(market, duration_seconds=max(1, round(hours * 3600)))
    return last_for_messages(market, messages or 1_000_000)


def _show_progress(share: float, text: str) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r\x1b[2Ksimulate {share:4.0%} {text}", nl=share >= 1, err=True)
    elif share in (0.0, 1.0):
        click.echo(f"simulate {share:4.0%} {text}", err=True)


def _print_summary(summary: SimulationSummary, as_json: bool, quiet: bool) -> None:
    if as_json:
        record = {
            "files": [str(file) for file in summary.files],
            "n_messages": summary.n_messages,
            "n_lines": summary.n_lines,
            "faults": [vars(fault) for fault in summary.faults],
            "seconds": round(summary.seconds, 3),
        }
        click.echo(json.dumps(record))
        return
    for file in summary.files:
        click.echo(file)
    if not quiet:
        n_messages = sum(summary.n_messages.values())
        faults = f", {len(summary.faults):,} faults" if summary.faults else ""
        click.echo(f"{n_messages:,} messages in {summary.seconds:.1f} s{faults}", err=True)
