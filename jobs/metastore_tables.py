"""The tables of Hive's metastore in an empty PostgreSQL database, made at once and once.

Hive can make each table when it first needs it. It then changes tables on one connection while another of its own
connections has them in an open transaction, and PostgreSQL lets it wait for itself for ever. So they are all made
before Hive opens the database; the row of VERSION, written last, says that they are complete, as with Hive's own tool.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

MODEL = "org.apache.hadoop.hive.metastore.model"
_CLASS = re.compile(r'<class name="(\w+)"(?! embedded-only)')
_IS_COMPLETE = """
SELECT 1 FROM information_schema.tables WHERE table_schema = current_schema() AND table_name = 'VERSION'
"""
_SEQUENCE = """
CREATE TABLE IF NOT EXISTS "SEQUENCE_TABLE" (
    "SEQUENCE_NAME" VARCHAR(255) NOT NULL PRIMARY KEY,
    "NEXT_VAL" BIGINT NOT NULL
)
"""
_COMPLETE = """
INSERT INTO "VERSION" ("VER_ID", "SCHEMA_VERSION", "VERSION_COMMENT") VALUES (1, '2.3.0', 'made by Foretable')
"""
_LIKE_HIVE = {  # what shapes the tables, as Hive 2.3 itself sets it
    "javax.jdo.PersistenceManagerFactoryClass": "org.datanucleus.api.jdo.JDOPersistenceManagerFactory",
    "datanucleus.schema.autoCreateAll": "true",
    "datanucleus.identifierFactory": "datanucleus1",
    "datanucleus.rdbms.useLegacyNativeValueStrategy": "true",
    "datanucleus.plugin.pluginRegistryBundleCheck": "LOG",
    "datanucleus.transactionIsolation": "read-committed",
    "datanucleus.connectionPoolingType": "NONE",
}


def make_hive_tables(jvm: Any, connection: Any, login: Mapping[str, str]) -> None:
    """Make what is missing; nothing where the database is complete.

    Args:
        jvm: That of the session.
        connection: To the database, which nobody else opens meanwhile.
        login: ``javax.jdo.option.Connection…``: address, driver, user and password.
    """
    statement = connection.createStatement()
    if _has_rows(statement, _IS_COMPLETE) and _has_rows(statement, 'SELECT 1 FROM "VERSION"'):
        return
    properties = jvm.java.util.HashMap()
    for name, value in {**_LIKE_HIVE, **login}.items():
        properties.put(name, value)
    factory = jvm.org.datanucleus.api.jdo.JDOPersistenceManagerFactory.getPersistenceManagerFactory(properties)
    try:
        classes = jvm.java.util.HashSet()
        for name in _stored_classes(jvm):
            classes.add(f"{MODEL}.{name}")
        factory.getNucleusContext().getStoreManager().createSchemaForClasses(classes, jvm.java.util.Properties())
    finally:
        factory.close()
    statement.execute(_SEQUENCE)
    statement.execute(_COMPLETE)


def _has_rows(statement: Any, query: str) -> bool:
    return bool(statement.executeQuery(query).next())


def _stored_classes(jvm: Any) -> list[str]:
    """Classes with a table of their own, by the mapping in Spark's copy of Hive."""
    mapping = jvm.java.lang.ClassLoader.getSystemResourceAsStream("package.jdo")
    return _CLASS.findall(bytes(mapping.readAllBytes()).decode())
