"""Fixtures for all tests, and a line in the summary that says how much the fuzz tests have tried."""

from typing import Any

import pytest

from tests.tries import TRIES


@pytest.fixture(autouse=True)
def _custom_integrations(request: pytest.FixtureRequest) -> None:
    """Let Home Assistant load the integration of this repository; a recorder, where wanted, comes first."""
    if "recorder_mock" in request.fixturenames:
        request.getfixturevalue("recorder_mock")
    request.getfixturevalue("enable_custom_integrations")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand the counts of a worker process to the one that prints the summary."""
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["tries"] = dict(TRIES)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Take the counts of a worker process."""
    TRIES.update(getattr(node, "workeroutput", {}).get("tries", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was tried."""
    for name, count in sorted(TRIES.items()):
        terminalreporter.write_line(f"{name}: {count} inputs tried")
