"""The rules of Home Assistant's own checker for the files of a custom integration, and completeness of texts."""

import ast
import inspect
import json
import re
import string
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import voluptuous as vol
from homeassistant.data_entry_flow import section
from homeassistant.util.yaml import load_yaml_dict

from custom_components.local_solar import binary_sensor, config_flow, sensor, solarlink
from custom_components.local_solar.const import CONF_INTERVAL
from custom_components.local_solar.coordinator import LinkState
from custom_components.local_solar.descriptions import PLATFORMS, platform_of
from custom_components.local_solar.families import FAMILIES
from custom_components.local_solar.quantities import LOOKS
from custom_components.local_solar.solarlink import errors
from custom_components.local_solar.solarlink.control import charge_checks, soc_checks
from custom_components.local_solar.solarlink.errors import SolarError
from custom_components.local_solar.solarlink.family import load_family
from custom_components.local_solar.solarlink.points import Quantity

from .conftest import INTEGRATION, texts_of

LANGUAGES = ("en", "de", "fr", "es", "it", "nl")
SLUG = re.compile(r"[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?")
MANIFEST_KEYS = {
    "after_dependencies",
    "codeowners",
    "config_flow",
    "dependencies",
    "dhcp",
    "documentation",
    "domain",
    "integration_type",
    "iot_class",
    "issue_tracker",
    "loggers",
    "name",
    "requirements",
    "version",
    "zeroconf",
}
STEP_KEYS = {
    "title",
    "description",
    "data",
    "data_description",
    "menu_options",
    "menu_option_descriptions",
    "sections",
    "submit",
}


def leaves(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(node, dict):
        for key, child in node.items():
            yield from leaves(child, (*path, key))
    else:
        yield path, node


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def all_errors() -> list[type[SolarError]]:
    return [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, SolarError)]


def modules() -> list[Path]:
    return sorted(path for path in INTEGRATION.glob("*.py"))


def manifest() -> dict[str, Any]:
    data: dict[str, Any] = json.loads((INTEGRATION / "manifest.json").read_text(encoding="utf-8"))
    return data


# Manifest and Python


def test_manifest() -> None:
    data = manifest()
    keys = list(data)
    assert keys == ["domain", "name", *sorted(keys[2:])]
    assert set(keys) <= MANIFEST_KEYS
    assert data["domain"] == INTEGRATION.name
    assert re.fullmatch(r"\d+\.\d+\.\d+", data["version"])
    assert data["iot_class"] == "local_polling"
    assert data["documentation"].startswith("https://")
    assert data["issue_tracker"].startswith("https://")
    assert "home-assistant.io" not in data["documentation"]
    assert not [requirement for requirement in data["requirements"] if " " in requirement]
    assert (INTEGRATION / "config_flow.py").exists()


def test_imported_components_are_declared() -> None:
    always = {"diagnostics", "repairs", "system_health", *PLATFORMS}
    declared = {*manifest()["dependencies"], *manifest()["after_dependencies"]}
    used: set[str] = set()
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("homeassistant.components"):
                parts = (node.module or "").split(".")
                used |= {parts[2]} if len(parts) > 2 else {alias.name for alias in node.names}
    assert used - always <= declared


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.name))
def test_python(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source)
    assert ast.get_docstring(tree)
    assert "from __future__" not in source
    assert "import requests" not in source
    assert "time.sleep" not in source
    assert not [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "open"
    ]


def test_config_schema_is_there() -> None:
    assert "CONFIG_SCHEMA" in (INTEGRATION / "__init__.py").read_text(encoding="utf-8")


def test_platforms_say_how_many_updates_run_at_once() -> None:
    for platform in PLATFORMS:
        assert "PARALLEL_UPDATES" in (INTEGRATION / f"{platform}.py").read_text(encoding="utf-8")


def test_quality_scale_has_all_rules() -> None:
    rules = load_yaml_dict(INTEGRATION / "quality_scale.yaml")["rules"]
    assert isinstance(rules, dict)
    assert len(rules) == 54
    for rule in rules.values():
        if isinstance(rule, dict):
            assert rule["status"] in ("done", "todo", "exempt")
            assert rule["status"] != "exempt" or rule["comment"]
        else:
            assert rule in ("done", "todo")


def test_images() -> None:
    sizes = {"icon.png": (256, 256), "icon@2x.png": (512, 512)}
    for name in ("icon.png", "icon@2x.png", "logo.png", "logo@2x.png", "dark_logo.png", "dark_logo@2x.png"):
        head = (INTEGRATION / "brand" / name).read_bytes()[:24]
        assert head.startswith(b"\x89PNG")
        width, height = int.from_bytes(head[16:20]), int.from_bytes(head[20:24])
        assert (width, height) == sizes.get(name, (width, height))
        assert min(width, height) >= 128


# Texts


@pytest.mark.parametrize("language", LANGUAGES)
def test_texts_are_well_formed(language: str) -> None:
    for path, text in leaves(texts_of(language)):
        assert isinstance(text, str)
        assert text == text.strip(), path
        assert text, path
        assert not re.search(r"<[a-z/][^>]*>", text), path
        assert "[%key:" not in text, path
        assert not re.search(r"'[^']*\{[^}]*\}[^']*'", text), path
        assert "'" not in text, f"{path}: a straight quote can swallow a placeholder"
        assert all(SLUG.fullmatch(part) for part in path), path


@pytest.mark.parametrize("language", LANGUAGES)
def test_languages_are_complete(language: str) -> None:
    english, other = dict(leaves(texts_of())), dict(leaves(texts_of(language)))
    assert other.keys() == english.keys()
    for path, text in english.items():
        assert placeholders(other[path]) == placeholders(text), path


def test_no_language_was_forgotten() -> None:
    assert {path.stem for path in (INTEGRATION / "translations").glob("*.json")} == set(LANGUAGES)


def test_shape_of_texts() -> None:
    texts = texts_of()
    allowed = {"config", "options", "entity", "device", "exceptions", "issues", "services", "selector", "system_health"}
    assert set(texts) <= allowed
    for block in ("config", "options"):
        for step in texts[block]["step"].values():
            assert set(step) <= STEP_KEYS
            assert step.get("data_description", {}).keys() == step.get("data", {}).keys()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", all_errors(), ids=lambda kind: str(kind.key))
def test_every_error_has_its_sentence(kind: type[SolarError], language: str) -> None:
    message = texts_of(language)["exceptions"][kind.key]["message"]
    assert placeholders(message) == placeholders(kind.sentence)


def test_no_sentence_without_an_error() -> None:
    raised = {
        node.value.value
        for path in (*modules(), *(INTEGRATION / "controllers").glob("*.py"), *(INTEGRATION / "actions").glob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.keyword) and node.arg == "translation_key" and isinstance(node.value, ast.Constant)
    }
    exceptions = texts_of()["exceptions"].keys()
    objections = {f"charge_{objection.value}" for objection in charge_checks.Objection}
    objections |= {f"soc_control_{objection.value}" for objection in soc_checks.Objection}
    assert objections <= exceptions
    raised |= objections
    assert exceptions - raised == {kind.key for kind in all_errors()} - raised


@pytest.mark.parametrize("kind", all_errors(), ids=lambda kind: str(kind.key))
def test_every_error_is_explained_in_a_dialog(kind: type[SolarError]) -> None:
    explained = next(base for base in kind.__mro__ if getattr(base, "key", "") in config_flow.EXPLAINED)
    assert issubclass(explained, SolarError)
    given = placeholders(kind.sentence) | {"local_address"}
    if issubclass(kind, errors.DeviceRefusedError):
        given |= {"device", "code", "reason"}
    assert placeholders(texts_of()["config"]["error"][explained.key]) <= given


def test_every_family_and_link_has_its_texts() -> None:
    steps = texts_of()["config"]["step"]
    assert steps["user"]["menu_options"].keys() == FAMILIES.keys()
    for key, family in FAMILIES.items():
        assert f"{key}_found" in steps
        if len(family.links) > 1:
            assert steps[key]["menu_options"].keys() == {f"{key}_{link}" for link in family.links}
        for link, form in family.links.items():
            step = steps[f"{key}_{link}"]
            sections = {
                str(field): each.schema.schema for field, each in form.schema.schema.items() if is_section(each)
            }
            assert step["data"].keys() == {str(field) for field in form.schema.schema} - sections.keys()
            assert step.get("sections", {}).keys() == sections.keys()
            for name, inner in sections.items():
                assert step["sections"][name]["data"].keys() == {str(field) for field in inner}
        if family.pause:
            assert family.pause in texts_of()["entity"]["switch"]


def test_every_option_has_its_texts() -> None:
    steps = texts_of()["options"]["step"]
    assert steps.keys() == FAMILIES.keys()
    for key, family in FAMILIES.items():
        sections = {str(field): value.schema.schema for field, value in family.options.items() if is_section(value)}
        fields = {str(field) for field in family.options} - sections.keys()
        assert steps[key]["data"].keys() == {CONF_INTERVAL} | fields
        assert steps[key].get("sections", {}).keys() == sections.keys()
        for name, inner in sections.items():
            assert steps[key]["sections"][name]["data"].keys() == {str(field) for field in inner}


def test_no_section_has_a_default_of_its_own() -> None:
    """The browser would show it instead of what was chosen in the section before."""
    schemas = [family.options for family in FAMILIES.values()]
    schemas += [form.schema.schema for family in FAMILIES.values() for form in family.links.values()]
    markers = [marker for schema in schemas for marker, value in schema.items() if is_section(value)]
    assert len(markers) >= 6
    assert all(isinstance(marker.default, vol.schema_builder.Undefined) for marker in markers)


def is_section(value: Any) -> bool:
    return isinstance(value, section)


# Troubles


def possible_troubles() -> dict[str, set[str]]:
    """Every trouble that families and controllers declare, with what its texts may need."""
    declared = [load_family(key).troubles for key in FAMILIES]
    declared += [provider.possible_troubles for family in FAMILIES.values() for provider in family.controllers.values()]
    return {key: {"name", *details} for troubles in declared for key, details in troubles.items()}


def keys_of_troubles(tree: ast.AST) -> Iterator[ast.expr]:
    """The keys under which code puts something into a mapping called ``troubles``."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    for function in functions:
        parameters = [each.arg for each in function.args.args if each.arg != "self"]
        for node in ast.walk(function):
            if not isinstance(node, ast.Subscript) or not isinstance(node.ctx, ast.Store):
                continue
            if ast.unparse(node.value).split(".")[-1].lstrip("_") != "troubles":
                continue
            key = node.slice
            if isinstance(key, ast.Name) and key.id in parameters:
                # Whoever calls the function says which.
                place = parameters.index(key.id)
                yield from (c.args[place] for c in calls if ast.unparse(c.func).split(".")[-1] == function.name)
            else:
                yield key


def stored_troubles(package: Path) -> set[str]:
    """The keys of all troubles that the code of a family tells."""
    stored: set[str] = set()
    for path in package.glob("*.py"):
        for key in keys_of_troubles(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(key, ast.Constant):
                stored.add(str(key.value))
            else:
                module = import_module(f"{solarlink.__name__}.{package.name}.{path.stem}")
                stored.add(getattr(module, ast.unparse(key)))
    return stored


@pytest.mark.parametrize("family", FAMILIES)
def test_families_declare_their_troubles(family: str) -> None:
    assert stored_troubles(INTEGRATION / "solarlink" / family) == set(load_family(family).troubles)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_trouble_has_its_texts(language: str) -> None:
    issues = texts_of(language)["issues"]
    fixable = {key for family in FAMILIES.values() for key in family.repairs}
    given = possible_troubles()
    assert issues.keys() == given.keys()
    for key, issue in issues.items():
        # Home Assistant shows the dialog of a trouble that can be put right, and the description of any other.
        assert issue.keys() == {"title", "fix_flow" if key in fixable else "description"}
        if key in fixable:
            assert issue["fix_flow"]["step"]["confirm"].keys() == {"title", "description"}
        for _, text in leaves(issue):
            assert placeholders(text) <= given[key]


# Entities


def shown_points() -> dict[tuple[str, str], set[str]]:
    """Platform and key of every entity, with the states that need a text."""
    shown: dict[tuple[str, str], set[str]] = {}
    for key in FAMILIES:
        for point in load_family(key).points:
            if platform := platform_of(point):
                shown.setdefault((platform.value, point.key), set()).update(point.options.values())
    for description in sensor.LINK_SENSORS:
        shown["sensor", description.key] = set(description.options or ())
    shown["binary_sensor", binary_sensor.LINK.key] = set()
    for family in FAMILIES.values():
        if family.pause:
            shown["switch", family.pause] = set()
    return shown


def test_every_entity_has_its_name_and_states() -> None:
    entities = texts_of()["entity"]
    shown = shown_points()
    assert {(platform, key) for platform, keys in entities.items() for key in keys} == shown.keys()
    for (platform, key), states in shown.items():
        assert entities[platform][key]["name"]
        entity = entities[platform][key]
        if platform == "event":
            # The state of an event is when it was; what happened is an attribute.
            entity = entity["state_attributes"]["event_type"]
        assert set(entity.get("state", {})) == states
    assert set(entities["sensor"]["link_state"]["state"]) == {state.value for state in LinkState}


def test_english_names_are_those_of_the_table() -> None:
    entities = texts_of()["entity"]
    for key in FAMILIES:
        for point in load_family(key).points:
            if platform := platform_of(point):
                assert entities[platform.value][point.key]["name"] == point.name


def test_icons() -> None:
    icons = json.loads((INTEGRATION / "icons.json").read_text(encoding="utf-8"))["entity"]
    shown = shown_points()
    for platform, keys in icons.items():
        for key, icon in keys.items():
            assert (platform, key) in shown
            assert icon["default"].startswith("mdi:")
            for state, other in icon.get("state", {}).items():
                assert other.startswith("mdi:")
                assert other != icon["default"]
                assert platform == "switch" or state in shown[platform, key]


def test_what_no_device_class_draws_has_an_icon() -> None:
    icons = json.loads((INTEGRATION / "icons.json").read_text(encoding="utf-8"))["entity"]
    for key in FAMILIES:
        for point in load_family(key).points:
            platform = platform_of(point)
            drawn = LOOKS[point.quantity].sensor if platform == "sensor" else LOOKS[point.quantity].number
            if platform and (drawn is None or point.quantity is Quantity.STATE):
                assert point.key in icons[platform.value], point.key
