"""A MariaDB server of one's own in a temporary folder, reached through a socket file."""

import os
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

BOOTSTRAP = ("mysql_system_tables.sql", "mysql_performance_tables.sql", "mysql_system_tables_data.sql")
"""What fills the tables of the server itself; newer releases call them mariadb_..."""
START_SECONDS = 60.0


class ServerError(Exception):
    """The server did not start; the text is the end of its log."""


class MariaDb:
    """The server; use it as a context manager.

    ``share`` is the folder above ``mysql`` or ``mariadb`` with its messages, ``libraries`` a search path.
    """

    def __init__(self, server: Path, share: Path, libraries: str, folder: Path) -> None:
        """Nothing is started yet."""
        self._server = server
        self._share = next((share / name for name in ("mysql", "mariadb") if (share / name).is_dir()), share)
        self._environment = {**os.environ, **({"LD_LIBRARY_PATH": libraries} if libraries else {})}
        # A socket file has room for about a hundred characters.
        self.socket = folder / "s"
        self._data = folder / "data"
        self._log = folder / "log"
        self._process: subprocess.Popen[bytes] | None = None

    def _command(self, *more: str) -> list[str]:
        common = [
            str(self._server),
            "--no-defaults",
            f"--datadir={self._data}",
            f"--lc-messages-dir={self._share}",
            f"--character-sets-dir={self._share / 'charsets'}",
            "--innodb-flush-log-at-trx-commit=0",
            "--skip-log-bin",
        ]
        return [*common, *(["--user=root"] if os.geteuid() == 0 else []), *more]

    def __enter__(self) -> Self:
        """Start it; raises ``ServerError``."""
        self._data.mkdir()
        statements = ["create database mysql;", "use mysql;"]
        statements += [self._script(name).read_text(encoding="utf-8") for name in BOOTSTRAP]
        with self._log.open("wb") as log:
            text = "\n".join(statements).encode()
            done = subprocess.run(
                self._command("--bootstrap"), input=text, stdout=log, stderr=log, env=self._environment, check=False
            )
        if done.returncode:
            raise ServerError(self._log_end())
        self._start()
        return self

    def _script(self, name: str) -> Path:
        found = [
            self._share / each for each in (name, name.replace("mysql", "mariadb")) if (self._share / each).exists()
        ]
        if not found:
            raise ServerError(f"{name} is not in {self._share}")
        return found[0]

    def _start(self) -> None:
        with self._log.open("ab") as log:
            command = self._command("--skip-networking", "--skip-grant-tables", f"--socket={self.socket}")
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=self._environment)
        deadline = time.monotonic() + START_SECONDS
        while not self.socket.exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise ServerError(self._log_end())
            time.sleep(0.1)

    def _log_end(self) -> str:
        return "\n".join(self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-10:])

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(START_SECONDS)

    def url(self, database: str) -> str:
        """The address of a database, as the recorder's option ``db_url`` takes it."""
        return f"mariadb+pymysql://root@localhost/{database}?unix_socket={self.socket}&charset=utf8mb4"
