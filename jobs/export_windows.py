"""``foretable windows``: what sequence models learn from, as files that TensorFlow reads elsewhere."""

from __future__ import annotations

import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobs.batch_output_files import OutputFolder
from jobs.free_space import require_free_space
from jobs.model_training import PARTS
from jobs.train import split_rows
from jobs.window_records import write_windows
from jobs.window_rows import store_windows
from models.errors import UsageError
from models.window_dataset import shuffled_places

if TYPE_CHECKING:
    from jobs.app import App

FIRST_EPOCH = 0


def export_windows(
    app: App, label: str, n_steps: int, target: Path, n_shards: int, is_gzip: bool, seed: int
) -> list[dict[str, Any]]:
    """Write the windows of training, validation and test, cut as ``foretable train`` cuts them; a row a part.

    The folder appears whole or not at all. Training windows are shuffled by ``seed``, the others are in the order of
    symbol and time.

    Raises:
        UsageError: the configuration has no such label.
        SafetyError: the folder is not empty.
        DataContractError: there are no features, or too few rows in one of the parts.
        StorageError: the disk is full, or a file does not read back.
    """
    known = [known.name for known in app.config.labels]
    if label not in known:
        raise UsageError(f"there is no label {label}: foretable.yml has {', '.join(known)}")
    output = OutputFolder(target.resolve(), f"windows_{datetime.now(UTC):%Y%m%d_%H%M%S}")
    output.require_free("error")
    spark = app.session()
    require_free_space(spark)
    output.target.parent.mkdir(parents=True, exist_ok=True)
    output.clear_leftovers(lambda _: False)
    scratch = Path(tempfile.mkdtemp(prefix="windows-", dir=app.config.home / "tmp"))
    try:
        app.say("reading features in the order of symbol and time …")
        store = store_windows(spark, app.config, label, n_steps, scratch / "store")
        columns = store.columns
        cut = split_rows(app.config, "windows", label, columns["known_from"], columns["is_training"])
        parts = {part: getattr(cut, part) for part in PARTS}
        parts["train"] = shuffled_places(parts["train"], seed, FIRST_EPOCH)
        counts = write_windows(store, parts, output.aside, n_shards, is_gzip, app.say)
        store.close()
        facts = {"run": output.aside.name, "windows": counts, "is_gzip": is_gzip, "seed": seed, **store.facts}
        output.publish(facts)
    except BaseException:
        output.discard()
        raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return [
        {"part": part, "windows": sum(counts[part]), "files": n_shards, "label": label, "steps": n_steps,
         "features": len(store.facts["features"]), "features_version": store.facts["features_version"]}
        for part in PARTS
    ]  # fmt: skip
