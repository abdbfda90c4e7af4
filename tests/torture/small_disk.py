"""A schema of a home on a disk of its own, small enough to fill: a tmpfs, which only root can mount."""

import contextlib
import os
import shutil
import subprocess


class SmallDisk:
    """The tmpfs under the folder of one schema."""

    def __init__(self, folder, mebibytes):
        self.folder = folder
        folder.mkdir(parents=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", folder], check=True)

    def holds(self, source, name):
        """Make the schema what ``source``, the folder of another, is."""
        self.clear()
        shutil.copytree(source, self.folder, dirs_exist_ok=True)
        for definition in (self.folder / "_definitions").iterdir():  # a view names its schema
            definition.write_text(definition.read_text().replace(source.name.removesuffix(".db"), name))

    @property
    def free_bytes(self):
        return shutil.disk_usage(self.folder).free

    @contextlib.contextmanager
    def filled(self, free_bytes=0):
        """Only so much is free inside the block."""
        filler = self.folder / "_filler"
        with filler.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, self.free_bytes - free_bytes)
        yield
        filler.unlink()

    @contextlib.contextmanager
    def read_only(self):
        """Nothing can be written inside the block."""
        self._remount("ro")
        yield
        self._remount("rw")

    def _remount(self, mode):
        subprocess.run(["mount", "-o", f"remount,{mode}", self.folder], check=True)

    def clear(self):
        for entry in self.folder.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()

    def close(self):
        subprocess.run(["umount", "-l", self.folder], check=True)
        self.folder.rmdir()
