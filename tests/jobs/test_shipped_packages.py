import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import jobs
from jobs.shipped_packages import PACKAGES, packages_archive

REPOSITORY = Path(jobs.__file__).parents[1]


def test_the_archive_holds_every_file_of_the_packages_and_nothing_else(tmp_path):
    with zipfile.ZipFile(packages_archive(tmp_path)) as archive:
        names = set(archive.namelist())
    files = subprocess.run(["find", *PACKAGES, "-type", "f"], cwd=REPOSITORY, capture_output=True, text=True).stdout
    assert names == {name for name in files.splitlines() if "__pycache__" not in name}
    assert {"jobs/log4j2.properties", "sql/ddl/bars.sql", "sql/extension/FolderCatalog.java"} <= names


def test_the_packages_import_from_the_archive_alone(tmp_path):
    archive = packages_archive(tmp_path)
    text = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import jobs.readers.file_reader, udfs.score_rows, models.tree_shap, jobs.tables\n"
        "print(udfs.score_rows.__file__, len(jobs.tables.sql_text('ddl/bars')) > 100)"
    )
    done = subprocess.run([sys.executable, "-c", text, archive], capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout == f"{archive}/udfs/score_rows.py True\n", done.stderr


def test_the_same_files_are_one_archive_and_a_changed_one_is_another(tmp_path):
    for package in PACKAGES:
        shutil.copytree(REPOSITORY / package, tmp_path / "other" / package)
    cache = tmp_path / "cache"
    cache.mkdir()
    text = (
        "from pathlib import Path; from jobs.shipped_packages import packages_archive as make; "
        f"print(make(Path({str(cache)!r})).name)"
    )

    def name():
        environment = {**os.environ, "PYTHONPATH": str(tmp_path / "other"), "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-c", text]
        return subprocess.run(command, capture_output=True, text=True, env=environment, cwd="/").stdout.strip()

    first = name()
    assert name() == first == packages_archive(cache).name
    with (tmp_path / "other" / "udfs" / "call.py").open("a") as changed:
        changed.write("# another comment\n")
    assert name() not in ("", first)
    assert not list(cache.glob("*.part"))
