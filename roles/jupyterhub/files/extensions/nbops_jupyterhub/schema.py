"""The schema of a hub's database: which revision it has, and the way to this JupyterHub's."""

from __future__ import annotations

import logging
import os
import pathlib
import subprocess
import sys
from typing import Any

from alembic.script import ScriptDirectory
from jupyterhub import dbutil, orm
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from nbops_jupyterhub import copies
from nbops_jupyterhub.copies import DatabaseError


class Schema:
    """A database by its address as SQLAlchemy has it, with the options of its engine."""

    def __init__(self, address: str, options: dict[str, Any]) -> None:
        self._url = make_url(address)
        self._options = options
        self._scripts = ScriptDirectory(dbutil.ALEMBIC_DIR)
        self.kind = self._url.get_backend_name()
        self.head = self._scripts.get_current_head()

    def file(self) -> pathlib.Path | None:
        """Where an SQLite database is, None where it is in memory."""
        name = self._url.database
        return None if name in (None, "", ":memory:") else pathlib.Path(name).resolve()

    def libpq(self) -> tuple[str, str]:
        """The address for PostgreSQL's own programs, without the password, and the password."""
        password = self._url.password or self._url.query.get("password") or ""
        bare = self._url.set(drivername="postgresql", password=None).difference_update_query(["password"])
        return bare.render_as_string(hide_password=False), str(password)

    def revision(self) -> str | None:
        """The revision; empty where a very old JupyterHub left none, None where there are no tables yet."""
        if self.kind == "sqlite" and not (self.file() and self.file().exists()):
            return None
        engine = create_engine(self._url, **self._options)
        try:
            with engine.connect() as connection:
                tables = set(inspect(connection).get_table_names())
                if not tables.intersection(orm.Base.metadata.tables):
                    return None
                if "alembic_version" not in tables:
                    return ""
                return connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or ""
        except SQLAlchemyError as error:
            # The indented lines of PostgreSQL are questions, which our advice answers.
            lines = str(getattr(error, "orig", None) or error).strip().splitlines()
            reason = " ".join(line for line in lines if not line.startswith("\t"))
            place = str(self.file() if self.kind == "sqlite" else self._url.host or "its socket")
            raise DatabaseError(f"The database cannot be read: {reason}{copies.advice(reason, place)}") from None
        finally:
            engine.dispose()

    def knows(self, revision: str) -> bool:
        return not revision or revision in {script.revision for script in self._scripts.walk_revisions()}

    def migrate(self, file: pathlib.Path | None = None) -> None:
        """Brings the database, or another file of SQLite in its place, to this JupyterHub's revision."""
        url = self._url.set(database=str(file)) if file else self._url
        # JupyterHub calls alembic, which is beside our Python.
        os.environ["PATH"] = f"{pathlib.Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}"
        address = url.render_as_string(hide_password=False)
        try:
            dbutil.upgrade_if_needed(address, db_kwargs=self._options, backup=False, log=logging.getLogger())
        except (subprocess.CalledProcessError, SQLAlchemyError) as error:
            raise DatabaseError(f"The database cannot be brought to revision {self.head}: {error}") from None
