"""What an owner does in the user interface: add an installation, and put the dashboard into the sidebar."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from development.home_assistant import REPOSITORY, HomeAssistantInstance

DASHBOARD = "local-solar"
SETUP_TIMEOUT = 180.0


class FlowError(Exception):
    """The config flow does not lead where it should; the text says where it stands."""


def say(text: str) -> None:
    """Print one line of progress."""
    print(f"[local solar] {text}", flush=True)


def menu_choice(options: Sequence[str] | Mapping[str, str], choices: Sequence[str]) -> str:
    """Return the option of a menu that leads on to the wanted link."""
    for choice in reversed(choices):
        if choice in options:
            return choice
    raise FlowError(f"the config flow offers {', '.join(options)}, but none of {', '.join(choices)}")


def form_answer(schema: list[dict[str, Any]], known: Mapping[str, Any]) -> dict[str, Any]:
    """Fill in a form: what we know, and for the rest what is proposed.

    A function among what we know chooses from what a field offers; a mapping is what we know of a section.
    """
    answer: dict[str, Any] = {}
    for field in schema:
        name, mine = field["name"], known.get(field["name"])
        if field.get("type") == "expandable":
            if name in known or field.get("required"):
                answer[name] = form_answer(field.get("schema", []), known if mine is None else mine)
        elif callable(mine):
            answer[name] = mine([option["value"] for option in field["selector"]["select"]["options"]])
        elif name in known:
            answer[name] = mine
        elif field.get("required") and field.get("default") is not None:
            answer[name] = field["default"]
    return answer


async def add_installation(home: HomeAssistantInstance, choices: Sequence[str], known: Mapping[str, Any]) -> None:
    """Add an installation through the config flow: ``choices`` in its menus, ``known`` fields of its forms."""
    step = await home.start_flow("local_solar")
    end = time.monotonic() + SETUP_TIMEOUT
    seen = ""
    while step["type"] != "create_entry":
        if time.monotonic() > end:
            raise FlowError(f"the config flow did not end; it is at {step.get('step_id')} ({step['type']})")
        match step["type"]:
            case "menu":
                answer: dict[str, Any] = {"next_step_id": menu_choice(step["menu_options"], choices)}
                step = await home.continue_flow(step["flow_id"], answer)
            case "form":
                if step.get("errors"):
                    raise FlowError(f"the config flow says {step['errors']} at step {step.get('step_id')}")
                answer = form_answer(step.get("data_schema") or [], known)
                step = await home.continue_flow(step["flow_id"], answer)
            case "progress" | "progress_done":
                if seen != (action := str(step.get("progress_action"))):
                    seen = action
                    say(f"the config flow is at work ({action})")
                await asyncio.sleep(0.5)
                step = await home.continue_flow(step["flow_id"])
            case "abort":
                raise FlowError(f"the config flow ended with: {step.get('reason')}")
            case other:
                raise FlowError(f"the config flow has an unexpected step: {other}")
    say(f"added: {step.get('title')}")


async def add_feed_in_control(home: HomeAssistantInstance, battery: Mapping[str, str]) -> None:
    """Add a zero feed-in controller with the first meter and all inverters that are there, and switch it on.

    ``battery`` are entity ids by the names of the fields of that section.
    """
    known = {
        "meter_entry": lambda offered: offered[0],
        "chosen_inverters": lambda offered: offered,
        "battery": battery,
    }
    await add_installation(home, ("feed_in_control", "feed_in_control_house"), known)
    (control,) = await own_entities(home, "-feed_in_control")
    await home.call_service("switch", "turn_on", {"entity_id": control})


async def own_entities(home: HomeAssistantInstance, ending: str) -> list[str]:
    """Return the ids of our entities whose unique id ends so."""
    registry = await home.websocket({"type": "config/entity_registry/list"})
    ours = (entity for entity in registry if entity["platform"] == "local_solar")
    return sorted(entity["entity_id"] for entity in ours if entity["unique_id"].endswith(ending))


async def until_loaded(home: HomeAssistantInstance) -> None:
    """Wait until every entry works: on a later start, until a simulated gateway has dialled in again."""
    end = time.monotonic() + SETUP_TIMEOUT
    while True:
        states = {entry["title"]: (entry["state"], entry.get("reason")) for entry in await home.entries()}
        if states and all(state == "loaded" for state, _ in states.values()):
            return
        if time.monotonic() > end:
            console = last_lines(home.directory / "console.log")
            raise FlowError(f"the installation does not load: {states}\n{console}")
        await asyncio.sleep(0.5)


def last_lines(path: Path, count: int = 15) -> str:
    """Return the end of a log file."""
    if not path.exists():
        return ""
    return "\n".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-count:])


async def add_dashboard(home: HomeAssistantInstance) -> str:
    """Put the Local Solar dashboard into the sidebar, unless it is there; return the path to show first."""
    panels = await home.websocket({"type": "get_panels"})
    if DASHBOARD not in panels:
        if not any((REPOSITORY / "custom_components" / "local_solar" / "frontend").glob("*.js")):
            return "/config/integrations/integration/local_solar"
        create = {"url_path": DASHBOARD, "title": "Local Solar", "icon": "mdi:solar-power-variant", "mode": "storage"}
        shown = {"require_admin": False, "show_in_sidebar": True}
        await home.websocket({"type": "lovelace/dashboards/create", **create, **shown})
        strategy = {"strategy": {"type": f"custom:{DASHBOARD}"}}
        await home.websocket({"type": "lovelace/config/save", "url_path": DASHBOARD, "config": strategy})
    return f"/{DASHBOARD}"


async def publish_inverters(home: HomeAssistantInstance, port: int) -> None:
    """Let the entry of the GX show every inverter of OpenDTU on its D-Bus, with the consent that this takes."""
    (entry,) = [entry for entry in await home.entries() if entry["title"].startswith("Victron GX")]
    devices = await home.websocket({"type": "config/device_registry/list"})
    # The controller has a device of each inverter, too.
    inverters = [
        device["id"]
        for device in devices
        if device["manufacturer"] == "Hoymiles"
        and any(each[1].startswith("opendtu-") for each in device["identifiers"])
    ]
    flow = "/api/config/config_entries/options/flow"
    step = await home.rest("POST", flow, {"handler": entry["entry_id"]})
    chosen = {"enabled": True, "accept_risk": True, "inverters": inverters, "port": port}
    answer = form_answer(step["data_schema"], {"publish": chosen})
    done = await home.rest("POST", f"{flow}/{step['flow_id']}", answer)
    if done["type"] != "create_entry":
        raise FlowError(f"the options of the GX say {done.get('errors')}")
    say(f"shown on the GX: {len(inverters)} inverters")
