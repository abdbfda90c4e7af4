import os
from contextlib import nullcontext

import pytest

from jobs import prepare


@pytest.fixture
def new_home(tmp_path, home, monkeypatch):
    """FORETABLE_HOME in an empty folder with the jars of the suite; JAVA_HOME is put back afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JAVA_HOME", os.environ.get("JAVA_HOME", ""))
    monkeypatch.setenv("FORETABLE_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def test_it_says_which_java_and_jars_a_session_will_use(new_home, home, capsys, monkeypatch):
    (new_home / "jars").symlink_to(home / "jars")
    archives = []
    monkeypatch.setattr(prepare, "compiling", lambda say: nullcontext())
    monkeypatch.setattr(prepare, "make_archive", lambda file, mirror, say: archives.append(file))
    assert prepare.main() == 0
    said = capsys.readouterr()
    assert said.out == ""
    java, *jars = said.err.splitlines()
    assert java in {f"prepare: Java {version} behind {new_home}/java" for version in (17, 21)}
    cache = (home / "jars").resolve()
    names = [jar.removeprefix(f"prepare: jar {cache}/") for jar in jars]
    assert [file.parent for file in archives] == [cache]
    assert names[0].startswith("foretable-extension-")
    assert names[1:] == ["delta-spark_4.2_2.13-4.4.0.jar", "delta-storage-4.4.0.jar"]


def test_what_is_missing_is_the_last_sentence_and_its_exit_code(new_home, monkeypatch, capsys):
    monkeypatch.setenv("FORETABLE_MAVEN_MIRROR", (new_home / "empty").as_uri())
    assert prepare.main() == 74
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("prepare: delta-spark_4.2_2.13-4.4.0.jar could not be fetched from file://")
    assert last.endswith("or name a mirror in FORETABLE_MAVEN_MIRROR, and run again")
