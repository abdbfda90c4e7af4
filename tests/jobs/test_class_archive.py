"""The archive of Spark's classes: named by what it was made from, used where it fits, and never in the way."""

import os
import subprocess
from pathlib import Path

import pytest

from jobs import class_archive
from jobs.class_archive import archive_file, archive_options, make_archive
from jobs.extension_jar import extension_jar
from jobs.jars import DELTA_JARS, MAVEN_CENTRAL, fetched_jars
from jobs.java import find_java_home


@pytest.fixture
def jar(tmp_path):
    file = tmp_path / "a.jar"
    file.write_bytes(b"one")
    return file


def test_another_class_path_or_java_is_another_archive(tmp_path, jar):
    here = archive_file(tmp_path, tmp_path, [jar])
    assert here == archive_file(tmp_path, tmp_path, [jar])
    (tmp_path / "b.jar").write_bytes(b"two")
    assert archive_file(tmp_path, tmp_path, [jar, tmp_path / "b.jar"]) != here
    (tmp_path / "release").write_text('JAVA_VERSION="21"')
    assert archive_file(tmp_path, tmp_path, [jar]) != here


def test_without_an_archive_java_gets_no_option(tmp_path, jar):
    assert archive_options(tmp_path, tmp_path, [jar]) == ""


def test_an_archive_that_does_not_fit_is_passed_over_without_a_word(tmp_path, jar):
    java = find_java_home()
    archive_file(tmp_path, java, [jar]).write_text("no archive")
    options = [option.strip('"') for option in archive_options(tmp_path, java, [jar]).split()]
    done = subprocess.run([java / "bin" / "java", *options, "-version"], capture_output=True, text=True)
    assert done.returncode == 0
    assert "archive" not in done.stderr + done.stdout


def test_a_failure_is_said_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(class_archive.sys, "executable", "/bin/false")
    said = []
    make_archive(tmp_path / "spark-classes-1.jsa", MAVEN_CENTRAL, said.append)
    assert said[-1] == "Spark's classes were not kept (no word): sessions start more slowly"
    assert [file.name for file in tmp_path.iterdir()] == ["spark-classes.lock"]


@pytest.mark.slow
def test_a_session_loads_its_classes_from_an_archive_made_once(home, tmp_path):
    cache = tmp_path / "jars"
    cache.mkdir()
    for file in (home / "jars").glob("*.jar"):
        os.link(file.resolve(), cache / file.name)
    java = find_java_home()
    delta = fetched_jars(cache, MAVEN_CENTRAL, DELTA_JARS)
    class_path = [extension_jar(cache, java, delta), *delta]
    file, said = archive_file(cache, java, class_path), []
    (cache / "spark-classes-old.jsa").write_text("of another version")
    make_archive(file, MAVEN_CENTRAL, said.append)
    assert said[-1].startswith("kept "), said
    assert [one.name for one in cache.glob("*.jsa")] == [file.name]
    make_archive(file, MAVEN_CENTRAL, said.append)
    assert len(said) == 2
    loaded = tmp_path / "loaded.txt"
    settings = f"spark: {{spark.driver.extraJavaOptions: '-Xlog:class+load=info:file={loaded}'}}"
    new_home = tmp_path / "home"
    new_home.mkdir()
    (new_home / "jars").symlink_to(cache)
    (tmp_path / "foretable.yml").write_text(settings)
    foretable = Path(class_archive.sys.executable).with_name("foretable")
    command = [foretable, "--config", tmp_path / "foretable.yml", "--home", new_home, "sql", "-e", "SELECT 1"]
    subprocess.run(command, check=True, capture_output=True, timeout=600)
    lines = loaded.read_text().splitlines()
    shared = sum("shared objects file (top)" in line for line in lines)
    assert shared / len(lines) > 0.5
