import zipfile
from pathlib import Path

import pyspark
import pytest

from jobs import extension_jar as module
from jobs.extension_jar import extension_jar
from jobs.jars import fetched_jars
from jobs.java import find_java_home
from models.errors import StorageError, UsageError

HELLO = {"Hello.java": "package foretable;\npublic class Hello { public static int answer() { return 42; } }\n"}
NO_JAVA = Path("/nonexistent")


@pytest.fixture(scope="module")
def delta(home):
    return fetched_jars(home / "jars")


@pytest.fixture(scope="module")
def java_home():
    return find_java_home()


@pytest.fixture
def sources(monkeypatch, tmp_path):
    """Writes the sources to compile: file name to text."""
    folder = tmp_path / "sql" / "extension"
    folder.mkdir(parents=True)
    monkeypatch.setattr(module.resources, "files", lambda _: tmp_path / "sql")

    def write(texts):
        for name, text in texts.items():
            (folder / name).write_text(text)

    return write


def test_the_sources_are_compiled_once(sources, tmp_path, java_home, delta):
    sources(HELLO)
    jar = extension_jar(tmp_path, java_home, delta)
    assert zipfile.ZipFile(jar).namelist() == ["foretable/Hello.class"]
    assert extension_jar(tmp_path, NO_JAVA, delta) == jar  # a second call starts no Java
    assert sorted(file.name for file in tmp_path.iterdir()) == [jar.name, "sql"]  # nothing is left beside it


def test_another_text_spark_or_delta_gives_another_name(sources, tmp_path, monkeypatch):
    compiled = []
    monkeypatch.setattr(module, "_compile", lambda _sources, _java, _delta, target: compiled.append(target.name))
    sources(HELLO)
    extension_jar(tmp_path, NO_JAVA, [Path("delta-1.jar")])
    extension_jar(tmp_path, NO_JAVA, [Path("delta-2.jar")])
    monkeypatch.setattr(module, "SPARK_VERSION", "9.9.9")
    monkeypatch.setattr(pyspark, "__version__", "9.9.9")
    extension_jar(tmp_path, NO_JAVA, [Path("delta-2.jar")])
    sources({"Hello.java": HELLO["Hello.java"] + "// more\n"})
    extension_jar(tmp_path, NO_JAVA, [Path("delta-2.jar")])
    assert len(set(compiled)) == len(compiled) == 4


def test_a_source_that_does_not_compile_is_one_sentence_that_names_the_place(sources, tmp_path, java_home, delta):
    sources({"Broken.java": "package foretable;\npublic class Broken { int x = y; }\n"})
    with pytest.raises(StorageError) as error:
        extension_jar(tmp_path, java_home, delta)
    text = str(error.value)
    assert text.startswith("the Spark extension did not compile: ")
    assert "Broken.java" in text
    assert "Line 2" in text
    assert "\n" not in text
    assert "\tat " not in text
    assert [file.name for file in tmp_path.iterdir()] == ["sql"]


def test_another_spark_is_refused_with_the_command_that_installs_the_right_one(tmp_path, monkeypatch):
    monkeypatch.setattr(pyspark, "__version__", "4.1.3")
    with pytest.raises(
        UsageError, match=r"^Foretable extends Spark 4\.2\.0, found 4\.1\.3: pip install pyspark==4\.2\.0$"
    ):
        extension_jar(tmp_path, NO_JAVA, [])


def test_the_class_that_delta_loads_by_name_is_in_the_jar(home, java_home, delta):
    with zipfile.ZipFile(extension_jar(home / "jars", java_home, delta)) as jar:
        assert "foretable/AtomicLocalLogStore.class" in jar.namelist()
