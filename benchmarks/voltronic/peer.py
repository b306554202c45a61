"""Drives the published client ``mppsolar`` in an environment of its own; imports nothing of this project.

``python peer.py`` takes one job as JSON on standard input and prints its result as JSON on standard output. Jobs:

- ``{"cycles": {"url": ..., "protocol": ..., "commands": [...], "rounds": n}}`` reads over a link;
- ``{"decode": {"protocol": ..., "frames": [[command, hex], ...]}}`` tells which frames it takes for good answers;
- ``{"speed": {"protocol": ..., "command": ..., "frame": hex, "count": n}}`` decodes one frame again and again.
"""

import importlib
import json
import logging
import sys
import time
from typing import Any

NOTES = ("_", "raw_response", "ERROR", "WARNING", "response", "validity check")
"""How entries begin that are no values."""


def _protocol(name: str) -> Any:
    return importlib.import_module("mppsolar.protocols").get_protocol(name)


def _values(answer: Any) -> int:
    """Return how many values an answer brought; 0 when it was not understood."""
    if not isinstance(answer, dict) or any(key in answer for key in ("ERROR", "WARNING", "validity check")):
        return 0
    return sum(not key.startswith(NOTES) for key in answer)


def cycles(job: dict[str, Any]) -> dict[str, Any]:
    """Read the commands one after the other, ``rounds`` times."""
    device_class = importlib.import_module("mppsolar.devices.mppsolar").mppsolar
    device = device_class(name="peer", port=job["url"], porttype="serial", baud=2400, protocol=job["protocol"])
    seconds, values = [], 0
    for _ in range(job["rounds"]):
        started = time.perf_counter()
        values = sum(_values(device.run_command(command)) for command in job["commands"])
        seconds.append(time.perf_counter() - started)
    return {"seconds": seconds, "values": values}


def decode(job: dict[str, Any]) -> dict[str, Any]:
    """Decode every frame once."""
    protocol = _protocol(job["protocol"])
    taken = []
    for command, frame in job["frames"]:
        try:
            taken.append(_values(protocol.decode(bytes.fromhex(frame), command)) > 0)
        except Exception:  # noqa: BLE001 - an answer that makes the client fail is one it has not understood
            taken.append(False)
    return {"taken": taken}


def speed(job: dict[str, Any]) -> dict[str, Any]:
    """Decode one frame ``count`` times."""
    protocol, command, frame = _protocol(job["protocol"]), job["command"], bytes.fromhex(job["frame"])
    started = time.perf_counter()
    for _ in range(job["count"]):
        protocol.decode(frame, command)
    return {"per_second": job["count"] / (time.perf_counter() - started)}


def main() -> int:
    """Do the job; 0."""
    logging.disable(logging.CRITICAL)
    ((name, job),) = json.load(sys.stdin).items()
    # The client prints to standard output now and then.
    out, sys.stdout = sys.stdout, sys.stderr
    result = {"cycles": cycles, "decode": decode, "speed": speed}[name](job)
    json.dump(result, out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
