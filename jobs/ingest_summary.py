"""What an ingest did: the row accounting of each file and of the run."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, computed_field


class FileAccount(BaseModel):
    """A file that was read; ``n_read = n_good + n_quarantined + n_duplicate + n_pending``."""

    model_config = ConfigDict(frozen=True)

    source_file: str
    file_digest: str
    state: str  # complete, truncated, corrupt or empty
    n_bytes: int
    n_read: int
    n_good: int
    n_quarantined: int
    n_duplicate: int
    n_pending: int
    n_disordered: int = 0  # of n_read: came after a later one
    unknown_fields: tuple[str, ...] = ()

    def row(self) -> dict[str, str | int]:
        """The account as a person reads it: file, state and the counts by their short names."""
        names = (
            "source_file",
            "state",
            "n_read",
            "n_good",
            "n_quarantined",
            "n_duplicate",
            "n_pending",
            "n_disordered",
        )
        return {name.removeprefix("n_"): getattr(self, name) for name in names}


class IngestSummary(BaseModel):
    """A run of ingest; ``files`` are those that were read, ``skipped_files`` those the ledger holds already."""

    model_config = ConfigDict(frozen=True)

    run_id: str
    is_published: bool  # False of a dry run, or where nothing was new
    files: tuple[FileAccount, ...] = ()
    skipped_files: tuple[str, ...] = ()
    n_gaps: int = 0  # holes in the sequence in and beside the events of this run
    n_missing: int = 0  # sequence numbers absent there

    @computed_field  # type: ignore[prop-decorator]
    @property
    def n_read(self) -> int:
        """Lines read."""
        return sum(file.n_read for file in self.files)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def n_good(self) -> int:
        """Lines that became rows of orders."""
        return sum(file.n_good for file in self.files)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def n_quarantined(self) -> int:
        """Lines refused."""
        return sum(file.n_quarantined for file in self.files)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def n_duplicate(self) -> int:
        """Exact repetitions dropped."""
        return sum(file.n_duplicate for file in self.files)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def n_pending(self) -> int:
        """Incomplete last lines."""
        return sum(file.n_pending for file in self.files)

    @property
    def is_nothing_new(self) -> bool:
        """True where the ledger holds every file."""
        return not self.files
