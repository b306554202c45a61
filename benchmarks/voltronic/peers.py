"""The published client in its own environment: it cannot live beside Home Assistant, whose paho-mqtt is newer."""

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
REQUIREMENTS = ROOT / "requirements" / "mppsolar.txt"
ENVIRONMENT = ROOT / ".python" / "mppsolar"
INSTALL_SECONDS = 300
JOB_SECONDS = 600


@cache
def interpreter() -> Path | None:
    """Return the Python of that environment, which is made when it is missing; None where that does not work."""
    python = ENVIRONMENT / "bin" / "python"
    done = ENVIRONMENT / "complete"
    wanted = REQUIREMENTS.read_text(encoding="utf-8")
    if python.exists() and done.exists() and done.read_text(encoding="utf-8") == wanted:
        return python
    uv = (sys.executable, "-m", "uv")
    try:
        for command in (
            (*uv, "venv", "--clear", "--no-project", "--no-config", "--python", sys.executable, str(ENVIRONMENT)),
            (*uv, "pip", "install", "--python", str(python), "-r", str(REQUIREMENTS)),
        ):
            subprocess.run(command, check=True, capture_output=True, timeout=INSTALL_SECONDS)
    except OSError, subprocess.SubprocessError:
        return None
    done.write_text(wanted, encoding="utf-8")
    return python


def name() -> str:
    """Return the client's name with its version."""
    pinned = (line for line in REQUIREMENTS.read_text(encoding="utf-8").splitlines() if line.startswith("mppsolar=="))
    return " ".join(next(pinned).split("=="))


def ask(job: str, **details: Any) -> dict[str, Any] | None:
    """Let the client do a job of ``peer.py``; None when it is not installed."""
    python = interpreter()
    if python is None:
        return None
    done = subprocess.run(
        (str(python), str(Path(__file__).with_name("peer.py"))),
        input=json.dumps({job: details}),
        check=True,
        capture_output=True,
        text=True,
        timeout=JOB_SECONDS,
    )
    result: dict[str, Any] = json.loads(done.stdout)
    return result
