"""Places where a test can hold a run: a race that happens once a year is then made to happen at each run of a test.

``FORETABLE_PAUSE_AT=before_write:/some/folder`` makes a run that comes there touch ``reached`` in that folder and wait
until the folder holds ``go``. Without the variable nothing happens.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

POINTS = (
    "locked",  # the run holds the place of its job, nothing is read yet
    "before_write",  # the rows are computed, the first table is not written
    "after_write",  # the first table is written, others or the record are not
    "before_publish",  # all tables are written, the run is not recorded as done
)


def reached(point: str) -> None:
    """Wait here where a test asked for it."""
    wanted, _, folder = os.environ.get("FORETABLE_PAUSE_AT", "").partition(":")
    if wanted != point:
        return
    (Path(folder) / "reached").touch()
    while not (Path(folder) / "go").exists():
        time.sleep(0.02)
