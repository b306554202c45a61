"""Runs every query of the Grafana dashboard on a MariaDB server that holds a recorded day."""

import argparse
import json
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, text

from .mariadb import MariaDb, ServerError
from .recorded_day import record

DASHBOARD = Path(__file__).resolve().parent.parent / "docs" / "grafana" / "local-solar.json"
DATABASE = "homeassistant"
DAY = 86400
LISTED = re.compile(r"CONCAT\([^)]+\)")
"""How the queries name an entity of the chosen device."""


@dataclass(frozen=True, slots=True)
class Query:
    """One query of a panel."""

    panel: str
    format: str
    sql: str

    @property
    def metrics(self) -> int:
        """How many entities it names."""
        return len(set(LISTED.findall(self.sql))) if self.format == "time_series" else 0


def dashboard() -> dict[str, Any]:
    """The dashboard as Grafana imports it."""
    content: dict[str, Any] = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    return content


def queries(content: Mapping[str, Any]) -> Iterator[Query]:
    """Every query of every panel."""
    for panel in content["panels"]:
        for target in panel.get("targets", ()):
            yield Query(panel["title"], target["format"], target["rawSql"])


def filled(sql: str, variables: Mapping[str, list[str]], begin: int, end: int) -> str:
    """A query as Grafana sends it: macros and variables replaced."""
    sql = re.sub(r"\$__unixEpochFilter\(([^)]+)\)", rf"\1 >= {begin} AND \1 <= {end}", sql)
    sql = sql.replace("$__unixEpochFrom()", str(begin)).replace("$__unixEpochTo()", str(end))
    for name, values in variables.items():
        quoted = ",".join("'" + each.replace("'", "''") + "'" for each in values)
        sql = sql.replace(f"${{{name}:sqlstring}}", quoted)
        sql = re.sub(rf"\${name}\b", values[0] if values else "", sql)
    return sql


def _rows(connection: Connection, sql: str) -> list[Mapping[str, Any]]:
    # A colon and a percent sign mean something to the driver, but not to Grafana.
    return [dict(row._mapping) for row in connection.execute(text(sql.replace(":", r"\:")))]


def _variables(connection: Connection, content: Mapping[str, Any]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for variable in content["templating"]["list"]:
        if variable["type"] == "query":
            found[variable["name"]] = [str(next(iter(row.values()))) for row in _rows(connection, variable["query"])]
    return found


def _try_all(connection: Connection) -> int:
    """Run everything and print what came; returns the number of queries that found too little."""
    content, failed = dashboard(), 0
    variables = _variables(connection, content)
    for name, values in variables.items():
        print(f"variable {name}: {', '.join(values) or 'NOTHING'}")
        failed += not values
    now = int(time.time())
    for query in queries(content):
        begin = time.monotonic()
        rows = _rows(connection, filled(query.sql, variables, now - DAY, now))
        taken = (time.monotonic() - begin) * 1000.0
        metrics = {row["metric"] for row in rows} if query.format == "time_series" else set()
        short = not rows or len(metrics) < query.metrics
        failed += short
        lack = f"  FOUND {len(metrics)} OF {query.metrics} ENTITIES" if short else ""
        print(f"{len(rows):7} rows {len(metrics):3} series {taken:7.1f} ms  {query.panel}{lack}")
    return failed


def main() -> int:
    """Start the server, record, ask; exit status 1 when a query fails or finds too little."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", type=Path, required=True)
    parser.add_argument("--share", type=Path, required=True)
    parser.add_argument("--libraries", default="")
    parser.add_argument("--keep", action="store_true")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="local_solar_"))
    try:
        with MariaDb(arguments.server, arguments.share, arguments.libraries, folder) as server:
            with create_engine(server.url("mysql")).connect() as connection:
                version = connection.execute(text("SELECT VERSION()")).scalar_one()
                connection.execute(text(f"CREATE DATABASE {DATABASE} CHARACTER SET utf8mb4"))
            print(f"MariaDB {version}")
            engine = create_engine(server.url(DATABASE))
            states, statistics = record(engine)
            print(f"recorded: {states} states, {statistics} hourly statistics")
            with engine.connect() as connection:
                failed = _try_all(connection)
            engine.dispose()
    except ServerError as err:
        print(f"MariaDB did not start: {err}", file=sys.stderr)
        return 2
    finally:
        if arguments.keep:
            print(f"kept: {folder}")
        else:
            shutil.rmtree(folder)
    print(f"{failed} queries found too little" if failed else "every query found what it names")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
