"""What stock Spark lacks, compiled from ``sql/extension/*.java`` into a jar in the cache.

Spark ships the Janino compiler, so no JDK is needed. The jar is named by its content: another source text,
Spark or Delta gives another file, and an old one is never used by mistake.
"""

import hashlib
import os
import shutil
import subprocess
import tempfile
import zipfile
from importlib import resources
from pathlib import Path

from models.errors import StorageError, UsageError

SPARK_VERSION = "4.2.0"
COMPILER = "org.codehaus.commons.compiler.samples.CompilerDemo"


def extension_jar(cache: Path, java_home: Path, delta: list[Path]) -> Path:
    """Path of the compiled jar; compiled (2 s) where the cache does not hold it.

    Raises:
        UsageError: the installed Spark is not the one whose internal classes the sources extend.
        StorageError: the compiler refused or the cache cannot be written.
    """
    import pyspark  # here, since it takes long: the first words of a command come before it

    if pyspark.__version__ != SPARK_VERSION:
        raise UsageError(
            f"Foretable extends Spark {SPARK_VERSION}, found {pyspark.__version__}: "
            f"pip install pyspark=={SPARK_VERSION}"
        )
    sources = {
        source.name: source.read_text()
        for source in sorted((resources.files("sql") / "extension").iterdir(), key=lambda s: s.name)
        if source.name.endswith(".java")
    }
    names = "".join(jar.name for jar in delta)
    digest = hashlib.sha256(repr((SPARK_VERSION, names, sorted(sources.items()))).encode()).hexdigest()[:16]
    target = cache / f"foretable-extension-{digest}.jar"
    if not target.exists():
        _compile(sources, java_home, delta, target)
    return target


def _compile(sources: dict[str, str], java_home: Path, delta: list[Path], target: Path) -> None:
    import pyspark

    spark_jars = Path(pyspark.__file__).parent / "jars"
    compiler = os.pathsep.join(
        str(jar) for name in ("janino", "commons-compiler") for jar in spark_jars.glob(f"{name}-*.jar")
    )
    class_path = os.pathsep.join(str(jar) for jar in [*sorted(spark_jars.glob("*.jar")), *delta])
    folder = Path(tempfile.mkdtemp(prefix="extension-", dir=target.parent))
    try:
        files = []
        for name, text in sources.items():
            (folder / name).write_text(text)
            files.append(str(folder / name))
        command = [str(java_home / "bin" / "java"), "-cp", compiler, COMPILER, "-d", str(folder / "classes")]
        done = subprocess.run([*command, "-classpath", class_path, *files], capture_output=True, text=True)
        classes = sorted((folder / "classes").rglob("*.class"))
        if done.returncode or not classes:
            raise StorageError(f"the Spark extension did not compile: {(done.stderr or done.stdout).strip()[:300]}")
        aside = folder / target.name
        with zipfile.ZipFile(aside, "w") as jar:
            for file in classes:
                jar.write(file, file.relative_to(folder / "classes"))
        os.replace(aside, target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
