"""Print what a plain start of Home Assistant, and its first page load, import beyond the package itself."""

import json
from pathlib import Path

import homeassistant.bootstrap
import homeassistant.components
import homeassistant.setup

# The built-in integrations of our development configuration, and what the first page load pulls in.
EXTRA = ("recorder", "history", "logbook", "energy", "usb", "hassio", "stream")
# No wheels: replaced by stubs, which are imported but never called (see development/home_assistant.py).
STUBBED = ("PyTurboJPEG", "pymicro-vad", "pyspeex-noise")


def requirements() -> list[str]:
    """Return the requirements of the closure of integrations, sorted."""
    root = Path(homeassistant.components.__path__[0])
    todo = {*homeassistant.bootstrap.DEFAULT_INTEGRATIONS, *homeassistant.setup.BASE_PLATFORMS, *EXTRA}
    done: set[str] = set()
    needs: set[str] = set()
    while todo:
        domain = todo.pop()
        done.add(domain)
        manifest = json.loads((root / domain / "manifest.json").read_text(encoding="utf-8"))
        needs.update(manifest.get("requirements", []))
        todo |= set(manifest.get("dependencies", [])) - done
    return sorted(need for need in needs if not need.startswith(STUBBED))


if __name__ == "__main__":
    print("# Printed by scripts/home_assistant_requirements.py")
    print("\n".join(requirements()))
