"""Addresses of databases in the configuration, which must not carry a password: files, logs and errors show them."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator

_PASSWORD = re.compile(r"[?&;](ssl)?password=", re.IGNORECASE)


def check_metastore(address: str) -> str:
    """The address, where it is one of PostgreSQL's driver and holds no password.

    Raises:
        ValueError: it is not; the message does not repeat it.
    """
    if not address.startswith("jdbc:postgresql:"):
        raise ValueError("must be jdbc:postgresql://host:port/database; other metastores are set up in spark")
    if _holds_password(address.removeprefix("jdbc:")):
        raise ValueError("must hold no password: set FORETABLE_METASTORE_USER and FORETABLE_METASTORE_PASSWORD")
    return address


def check_store(address: str) -> str:
    """The address, where it is a URI of an MLflow store without a password.

    Raises:
        ValueError: it is not; the message does not repeat it.
    """
    if "://" not in address:
        raise ValueError("must be a URI of an MLflow store, such as postgresql://user@host:port/database")
    if _holds_password(address):
        raise ValueError("must hold no password: set PGPASSWORD, or PGPASSFILE to a file that only you can read")
    return address


def _holds_password(address: str) -> bool:
    return urlsplit(address).password is not None or _PASSWORD.search(address) is not None


MetastoreAddress = Annotated[str, AfterValidator(check_metastore)]
StoreAddress = Annotated[str, AfterValidator(check_store)]
