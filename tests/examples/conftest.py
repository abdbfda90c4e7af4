"""Environments for the programs that the examples are for, kept between runs, and a small market to work on."""

import hashlib
import shutil
import site
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.file_lock import locked

HERE = Path(__file__).parent
FORETABLE = Path(sys.executable).with_name("foretable")
PIPELINE = """\
home: home
sources:
  - {path: data, format: coinbase_full, exchange: simulated}
bars: {seconds: [60]}
models:
  - {name: ridge_5m, family: ridge, label: return_5m}
"""


@pytest.fixture(scope="session")
def environment():
    """``environment(name)`` is the Python of an environment with the packages of ``<name>.txt`` beside this file."""

    def make(name, sees_foretable=False):
        requirements = HERE / f"{name}.txt"
        key = hashlib.sha256(
            f"{requirements.read_text()}{sys.version}{sees_foretable}{sys.prefix}".encode()
        ).hexdigest()
        folder = Path.home() / ".foretable" / "test-envs" / f"{name}-{key[:12]}"
        python = folder / "bin" / "python"
        folder.parent.mkdir(parents=True, exist_ok=True)
        with locked(folder.parent / f"{name}.lock", "folder of environments"):
            if not (folder / "made").exists():
                for earlier in folder.parent.glob(f"{name}-*"):
                    shutil.rmtree(earlier)
                subprocess.run([sys.executable, "-m", "venv", folder], check=True)
                install = [python, "-m", "pip", "install", "--quiet", "--no-deps", "-r", requirements]
                subprocess.run([*install, "--disable-pip-version-check"], check=True)
                if sees_foretable:
                    _add_packages_of_this_environment(folder)
                (folder / "made").touch()
        return python

    return make


def _add_packages_of_this_environment(folder):
    """Foretable and what it needs, after the environment's own packages; with .pth files, as an editable one has."""
    (own,) = folder.glob("lib/python*/site-packages")
    theirs = [place for place in site.getsitepackages() if Path(place).is_dir()]
    (own / "foretable.pth").write_text("".join(f"import site; site.addsitedir({place!r})\n" for place in theirs))


@pytest.fixture
def market_folder(tmp_path):
    """Folder with a pipeline file, eight hours of simulated order events and an empty home."""
    folder = tmp_path / "a market"  # a space, as in many a person's paths
    folder.mkdir()
    (folder / "foretable.yml").write_text(PIPELINE)
    words = ["simulate", "--out", folder / "data", "--hours", "8", "--symbols", "BTC-USD", "--quiet"]
    subprocess.run([FORETABLE, *words], check=True, timeout=300)
    jars = Path.home() / ".foretable" / "jars"
    jars.mkdir(parents=True, exist_ok=True)
    (folder / "home").mkdir()
    (folder / "home" / "jars").symlink_to(jars)
    return folder
