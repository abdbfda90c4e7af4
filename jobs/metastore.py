"""PostgreSQL as the catalog's metastore: tables, views and SQL functions shared by machines, not by one folder.

The password never becomes a Spark setting, which a query, a log or the process list could show: it is given to the
running JVM. pgjdbc and Hive's metastore are asked directly, so what is wrong is one sentence.
"""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jobs.metastore_tables import make_hive_tables
from models.errors import StorageError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

DRIVER = "org.postgresql.Driver"
_URL, _DRIVER_NAME = "javax.jdo.option.ConnectionURL", "javax.jdo.option.ConnectionDriverName"
_LOCK = "SELECT pg_advisory_lock(1718579813)"  # any number, the same in every process; given up with the connection
_LOGIN_SECONDS = "20"


@dataclass(frozen=True)
class Login:
    """Who asks the metastore."""

    user: str
    password: str = field(repr=False)

    @staticmethod
    def of(environment: Mapping[str, str] = os.environ) -> Login:
        """``FORETABLE_METASTORE_USER`` and ``…_PASSWORD``, else libpq's ``PGUSER`` and ``PGPASSWORD``."""
        user = environment.get("FORETABLE_METASTORE_USER") or environment.get("PGUSER") or getpass.getuser()
        return Login(user, environment.get("FORETABLE_METASTORE_PASSWORD") or environment.get("PGPASSWORD") or "")


def metastore_conf(url: str) -> dict[str, str]:
    """Spark settings that put the catalog into the database at ``url`` (``jdbc:postgresql:…``), without its login."""
    return {
        "spark.sql.catalogImplementation": "hive",
        f"spark.hadoop.{_URL}": url,
        f"spark.hadoop.{_DRIVER_NAME}": DRIVER,
        "spark.hadoop.datanucleus.connectionPool.maxPoolSize": "2",  # of each of two pools in each process
    }


def log_in(spark: SparkSession, login: Login) -> None:
    """Give the session the login; before its first query, which opens the metastore."""
    hadoop = spark.sparkContext._jsc.hadoopConfiguration()
    for name, value in _login_options(login).items():
        hadoop.set(name, value)


@contextmanager
def only_opener(spark: SparkSession, url: str, login: Login) -> Iterator[None]:
    """Keep other processes, on any machine, from opening the metastore meanwhile; its tables are there then.

    Raises:
        StorageError: the database cannot be reached, or does not let this user in.
    """
    from py4j.protocol import Py4JJavaError

    jvm: Any = spark._jvm
    properties = jvm.java.util.Properties()
    for name, value in (("user", login.user), ("password", login.password), ("loginTimeout", _LOGIN_SECONDS)):
        properties.setProperty(name, value)
    try:
        connection = jvm.org.postgresql.Driver().connect(url, properties)
        connection.createStatement().execute(_LOCK)
        make_hive_tables(jvm, connection, _options(url, login))
    except Py4JJavaError as e:
        raise StorageError(
            f"the metastore {url} cannot be used ({_first_line(e.java_exception.getMessage())}): start the database, "
            "or check metastore, FORETABLE_METASTORE_USER and FORETABLE_METASTORE_PASSWORD"
        ) from None
    try:
        yield
    finally:
        connection.close()  # which gives up the lock


def _options(url: str, login: Login) -> dict[str, str]:
    return {_URL: url, _DRIVER_NAME: DRIVER, **_login_options(login)}


def _login_options(login: Login) -> dict[str, str]:
    return {
        "javax.jdo.option.ConnectionUserName": login.user,
        "javax.jdo.option.ConnectionPassword": login.password,
    }


def _first_line(message: str | None) -> str:
    return (message or "no reason given").splitlines()[0].rstrip(".")
