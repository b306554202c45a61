"""The one table of families: how an owner names the link, and what a family can do. Flow, setup and tests follow it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

import voluptuous as vol
from homeassistant.const import CONF_DEVICE, CONF_HOST, CONF_PORT
from homeassistant.helpers import selector

from .const import CONF_PEER, MIN_INTERVAL
from .providers import Provider
from .solarlink.client import Client, Unit
from .solarlink.links.address import LinkAddress

type FormData = Mapping[str, Any]
type Repair = Callable[[Client], Awaitable[None]]

PORT_SELECTOR = vol.All(
    selector.NumberSelector(selector.NumberSelectorConfig(min=1, max=65535, mode=selector.NumberSelectorMode.BOX)),
    vol.Coerce(int),
)


def _no_complaints(data: FormData) -> dict[str, str]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkForm:
    """One kind of link: the form that asks for it and what its fields mean."""

    schema: vol.Schema
    address: Callable[[FormData], LinkAddress]
    complaints: Callable[[FormData], dict[str, str]] = _no_complaints
    """What is wrong with the input before anything is tried: field to error key."""
    far_end: tuple[str, ...] = ()
    """Fields that together name the far end: a second entry with the same ones would be the same installation."""
    offer: Callable[[], vol.Schema] | None = None
    """Builds the form with what is attached to this machine now; called in a thread."""
    incoming: bool = False
    """Whether the gateway dials us, so that several entries may wait on one port."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyEntry:
    """One family as the integration sees it."""

    links: Mapping[str, LinkForm]
    interval: int = 30
    """Seconds between two reads of live values, unless the owner chooses otherwise."""
    pause: str | None = None
    """Translation key of the switch that stops polling; ``None`` where a pause makes no sense."""
    connect_wait: float = 30.0
    """Seconds that setup waits for the link before it gives up for now."""
    shortest_interval: int = MIN_INTERVAL
    """Seconds below which the owner cannot set the interval."""
    options: Mapping[vol.Marker, Any] = field(default_factory=dict)
    """What the owner can choose besides the interval; the client gets all of it as ``settings``."""
    controllers: Mapping[str, type[Provider]] = field(default_factory=dict)
    """What carries out the family's controllers, by the name in ``Point.controller``."""
    repairs: Mapping[str, Repair] = field(default_factory=dict)
    """What puts a trouble of the client right when the owner agrees, by the trouble's key."""


def _peer_complaints(data: FormData) -> dict[str, str]:
    try:
        ip_address(data[CONF_PEER].strip()) if data.get(CONF_PEER) else None
    except ValueError:
        return {CONF_PEER: "not_an_ip_address"}
    return {}


def listen_form(port: int) -> LinkForm:
    """For gateways that dial us by TCP."""
    return LinkForm(
        schema=vol.Schema(
            {
                vol.Required(CONF_PORT, default=port): PORT_SELECTOR,
                vol.Optional(CONF_PEER): selector.TextSelector(),
            }
        ),
        address=lambda data: LinkAddress(
            "listen", host="0.0.0.0", port=data[CONF_PORT], peer=data.get(CONF_PEER, "").strip()
        ),
        complaints=_peer_complaints,
        incoming=True,
    )


def _host_complaints(data: FormData) -> dict[str, str]:
    host = data[CONF_HOST].strip()
    return {} if host and not set(host) & set("/ @?#") else {CONF_HOST: "not_a_host"}


def tcp_form(port: int) -> LinkForm:
    """For devices that we connect by TCP."""
    return LinkForm(
        schema=vol.Schema(
            {
                vol.Required(CONF_HOST): selector.TextSelector(),
                vol.Required(CONF_PORT, default=port): PORT_SELECTOR,
            }
        ),
        address=lambda data: LinkAddress("tcp", host=data[CONF_HOST].strip(), port=data[CONF_PORT]),
        complaints=_host_complaints,
        far_end=(CONF_HOST, CONF_PORT),
    )


def host_form(scheme: str) -> LinkForm:
    """For devices of which the owner needs to know nothing but the address."""
    return LinkForm(
        schema=vol.Schema({vol.Required(CONF_HOST): selector.TextSelector()}),
        address=lambda data: LinkAddress(scheme, host=data[CONF_HOST].strip()),
        complaints=_host_complaints,
        far_end=(CONF_HOST,),
    )


def serial_form() -> LinkForm:
    """For devices on a serial port of this machine or of a serial proxy."""
    return LinkForm(
        schema=vol.Schema({vol.Required(CONF_DEVICE): selector.SerialPortSelector()}),
        address=lambda data: LinkAddress("serial", path=data[CONF_DEVICE]),
        far_end=(CONF_DEVICE,),
    )


FAMILIES: Mapping[str, FamilyEntry] = {
    "studer": FamilyEntry(
        links={"listen": listen_form(4001), "tcp": tcp_form(4001), "serial": serial_form()},
        pause="pause_scom",
    ),
}


def identifier(family: str, unit: Unit) -> str:
    """How registries know a unit: serial numbers of several makers may collide, so the family is part of it."""
    return f"{family}-{unit.serial}"
