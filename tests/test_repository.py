"""Rules that hold for the repository as a whole: what files may contain, versions that agree, and the layers."""

import ast
import json
import os
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
INTEGRATION = REPOSITORY / "custom_components" / "local_solar"
LIBRARY = INTEGRATION / "solarlink"
FAMILIES = {"studer", "conext", "pylontech", "voltronic", "senec", "opendtu", "shelly_em", "victron_gx"}
# Home Assistant has these itself, so its manifest does not ask for them.
BROUGHT_BY_HOME_ASSISTANT = {"aiohttp", "voluptuous"}


def own_files() -> list[Path]:
    """Return the files that are, or could become, part of the repository."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        listing = subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout
    except OSError, subprocess.CalledProcessError:
        pytest.skip("no git, or no git checkout")
    return [path for name in listing.split("\0") if name and (path := REPOSITORY / name).is_file()]


def texts() -> Iterator[tuple[str, str]]:
    for path in own_files():
        try:
            yield str(path.relative_to(REPOSITORY)), path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def matches(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{name}:{text.count('\n', 0, match.start()) + 1}: {match.group()}"
        for name, text in texts()
        for match in pattern.finditer(text)
    ]


# --- what files may contain ----------------------------------------


def test_no_package_index_address() -> None:
    """Where packages come from is the business of the machine that installs them."""
    hosts = [("pypi", "org"), ("pythonhosted", "org"), ("deb", "debian", "org"), ("npmjs", "org"), ("npmjs", "com")]
    assert not matches(re.compile("|".join(r"\.".join(host) for host in hosts)))


def test_no_path_of_a_developer_machine() -> None:
    found = matches(re.compile(r"(?<![\w.*}\])/-])/(?:home|Users|root|work|workspace)/[A-Za-z_]\w*"))
    home = str(Path.home())
    places = [re.escape(place) for place in (str(REPOSITORY), home) if place.count("/") > 1]
    if places:
        found += matches(re.compile(rf"(?:{'|'.join(places)})(?=[/\"'\s])"))
    assert not found


@pytest.mark.parametrize("path", sorted((REPOSITORY / "requirements").glob("*")), ids=lambda path: str(path.name))
def test_requirements_name_packages_only(path: Path) -> None:
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    allowed = re.compile(r"(-r [\w.]+|[A-Za-z0-9._-]+(\[[\w,-]+\])?[<>=!~0-9.,a-z*]*( ; .+)?)")
    assert lines
    assert not [line for line in lines if not allowed.fullmatch(line)]
    if path.suffix == ".txt":
        assert not [line for line in lines if "==" not in line]


@pytest.mark.parametrize("name", [".ci/run", "scripts/demo", "scripts/lint", "scripts/requirements", "scripts/test"])
def test_commands_are_programs(name: str) -> None:
    path = REPOSITORY / name
    assert os.access(path, os.X_OK)
    assert path.read_text(encoding="utf-8").startswith("#!/usr/bin/env bash\n")
    assert "set -euo pipefail" in path.read_text(encoding="utf-8")


# --- what must agree ----------------------------------------


def manifest() -> dict[str, Any]:
    content: dict[str, Any] = json.loads((INTEGRATION / "manifest.json").read_text(encoding="utf-8"))
    return content


def project() -> dict[str, Any]:
    return tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))


def library_version() -> str:
    match = re.search(r'^__version__ = "([^"]+)"$', (LIBRARY / "__init__.py").read_text(encoding="utf-8"), re.MULTILINE)
    assert match
    return match.group(1)


def test_one_version() -> None:
    assert project()["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "solarlink.__version__"}
    assert re.fullmatch(r"\d+\.\d+\.\d+", library_version())
    assert manifest()["version"] == library_version()


def test_library_and_integration_ask_for_the_same_packages() -> None:
    def name(requirement: str) -> str:
        return re.split(r"[^A-Za-z0-9_.-]", requirement)[0]

    library = {need for need in project()["project"]["dependencies"] if name(need) not in BROUGHT_BY_HOME_ASSISTANT}
    # Home Assistant installs for the integration what the library alone would pull in by itself.
    assert set(manifest()["requirements"]) == library


def test_python_of_the_scripts_is_that_of_the_project() -> None:
    script = (REPOSITORY / "scripts" / "environment.sh").read_text(encoding="utf-8")
    series = re.search(r'^PYTHON_SERIES="(.+)"$', script, re.MULTILINE)
    patch = re.search(r'^PYTHON_PATCH="(.+)"$', script, re.MULTILINE)
    assert series
    assert patch
    assert project()["project"]["requires-python"] == f">={series.group(1)}.{patch.group(1)}"


def test_hacs() -> None:
    content = json.loads((REPOSITORY / "hacs.json").read_text(encoding="utf-8"))
    assert content == {"name": manifest()["name"], "homeassistant": "2026.9.0", "hide_default_branch": True}


# --- the layers ----------------------------------------


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Return line and dotted name of everything that a module imports, relative names resolved from the repository."""
    package = path.parent.relative_to(REPOSITORY).parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base: tuple[str, ...] = (node.module,) if node.module else ()
            if node.level:
                base = (*package[: len(package) - node.level + 1], *base)
            for alias in node.names:
                yield node.lineno, ".".join((*base, alias.name))


def crossings(folder: Path, forbidden: re.Pattern[str], pattern: str = "*.py") -> list[str]:
    return [
        f"{path.relative_to(REPOSITORY)}:{line} imports {name}"
        for path in sorted(folder.rglob(pattern))
        for line, name in imports(path)
        if forbidden.match(name)
    ]


INSIDE = r"custom_components\.local_solar\.solarlink\."


def test_library_stands_alone() -> None:
    """No Home Assistant in the library, nothing of the integration, and relative imports only: it has two names."""
    assert any(LIBRARY.rglob("*.py"))
    beyond = rf"(?!{INSIDE})custom_components\b|(homeassistant|solarlink|simulators|development|tests)\b"
    assert not crossings(LIBRARY, re.compile(beyond))
    absolute = [
        f"{path.relative_to(REPOSITORY)}:{node.lineno}"
        for path in LIBRARY.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (isinstance(node, ast.ImportFrom) and not node.level and (node.module or "").startswith("custom_components"))
        or (isinstance(node, ast.Import) and any(alias.name.startswith("custom_components") for alias in node.names))
    ]
    assert not absolute


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_no_family_knows_another(family: str) -> None:
    others = "|".join(FAMILIES - {family})
    assert not crossings(LIBRARY / family, re.compile(rf"{INSIDE}({others})\b"))


@pytest.mark.parametrize("folder", ["links", "control"])
def test_what_families_share_knows_no_family(folder: str) -> None:
    assert not crossings(LIBRARY / folder, re.compile(rf"{INSIDE}({'|'.join(FAMILIES)})\b"))


def test_codec_has_no_device_and_no_clock() -> None:
    """Bytes to values and back: no client, no link, no event loop, no time."""
    forbidden = rf"{INSIDE}(links|plan|journal|client|\w+\.client)\b|(asyncio|socket|time|serialx|aiohttp|pymodbus)\b"
    assert any(LIBRARY.glob("*/codec*"))
    assert not crossings(LIBRARY, re.compile(forbidden), "codec*.py")
    assert not crossings(LIBRARY, re.compile(forbidden), "codec*/**/*.py")


def test_controllers_only_decide() -> None:
    forbidden = rf"{INSIDE}links\b|(asyncio|socket|time|serialx|aiohttp|pymodbus)\b"
    assert not crossings(LIBRARY / "control", re.compile(forbidden))


def test_simulators_share_no_code_with_what_they_test() -> None:
    assert any((REPOSITORY / "simulators").rglob("*.py"))
    forbidden = r"(custom_components|solarlink|homeassistant|tests|development)\b"
    assert not crossings(REPOSITORY / "simulators", re.compile(forbidden))


def test_integration_does_not_need_the_development_tools() -> None:
    assert not crossings(INTEGRATION, re.compile(r"(simulators|development|tests|benchmarks|scripts)\b"))
