import configparser
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("models", "udfs", "jobs", "sql")
LOOK_AROUND = """
import jobs, models, udfs
from importlib import resources
from jobs.tables import TABLES, sql_text
assert all(sql_text(f"ddl/{table}").startswith("--") for table in TABLES)
assert "class AtomicLocalLogStore" in (resources.files("sql") / "extension" / "AtomicLocalLogStore.java").read_text()
assert (resources.files("jobs") / "log4j2.properties").is_file()
print(jobs.__file__, models.__file__, udfs.__file__, sep="\\n")
"""


def requirements():
    """Every requirement of setup.cfg that holds on this machine."""
    metadata = configparser.ConfigParser()
    metadata.read(ROOT / "setup.cfg", encoding="utf-8")
    texts = [metadata["options"]["install_requires"], *metadata["options.extras_require"].values()]
    every = [Requirement(line) for text in texts for line in text.strip().splitlines()]
    return [requirement for requirement in every if requirement.marker is None or requirement.marker.evaluate()]


def pins():
    """Name to version of constraints.txt."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pairs}


def tracked_files(*folders):
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: what belongs to the packages is not known")
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--", *folders]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def test_the_lock_pins_every_requirement_within_its_range():
    locked = pins()
    wrong = [
        f"{requirement} is locked at {locked.get(canonicalize_name(requirement.name))}"
        for requirement in requirements()
        if not requirement.specifier.contains(locked.get(canonicalize_name(requirement.name), "0"), prereleases=True)
    ]
    assert wrong == []


def test_the_lock_names_no_path_and_not_the_project_itself():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not line.startswith("#") and ("/" in line or "@" in line or "-e" in line)] == []
    assert "foretable" not in pins()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of the tracked files, built as pip builds it (fetches setuptools)."""
    source = tmp_path_factory.mktemp("source")
    for name in tracked_files():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, source / name)
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(out), str(source)]
    subprocess.run(command, check=True)
    [wheel] = out.iterdir()
    return wheel


@pytest.mark.slow
def test_the_wheel_contains_every_tracked_file_of_the_packages_and_no_other_package(wheel):
    inside = set(zipfile.ZipFile(wheel).namelist())
    assert sorted(set(tracked_files(*PACKAGES)) - inside) == []
    roots = {name.partition("/")[0] for name in inside}
    assert {root for root in roots if not root.endswith(".dist-info")} == set(PACKAGES)


@pytest.mark.slow
def test_the_installed_wheel_works_from_another_folder(wheel, tmp_path):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv")], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, str(wheel)], check=True)
    # Our own dependencies serve the new environment too: its .pth adds them behind what is installed there.
    [packages] = (tmp_path / "venv").glob("lib/python*/site-packages")
    (packages / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    environment = {**os.environ, "HOME": str(tmp_path)}
    environment.pop("PYTHONPATH", None)
    options = {"cwd": tmp_path, "env": environment, "capture_output": True, "text": True, "check": True}
    said = subprocess.run([str(tmp_path / "venv" / "bin" / "foretable"), "--help"], **options).stdout
    assert "foretable sql -e" in said
    places = subprocess.run([str(python), "-c", LOOK_AROUND], **options).stdout.split()
    assert all(Path(place).is_relative_to(packages) for place in places)
