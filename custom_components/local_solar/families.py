"""The one table of families: how an owner names the link, and what a family can do. Flow, setup and tests follow it."""

import ssl
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from typing import Any

import voluptuous as vol
from homeassistant.const import CONF_DEVICE, CONF_HOST, CONF_PASSWORD, CONF_PORT, CONF_USERNAME
from homeassistant.core import HomeAssistant
from homeassistant.helpers import selector

from .const import CONF_LOCAL_PORT, CONF_PEER, MIN_INTERVAL
from .controllers.charge_manager import ChargeManager
from .controllers.charge_options import OPTIONS, SECTION as CHARGE_OPTIONS
from .controllers.feed_in import FeedInControl
from .controllers.feed_in_check import async_look
from .controllers.force_charge import ForceCharge
from .controllers.gx_publisher import GxPublisher
from .controllers.installation_clock import InstallationClock
from .controllers.soc_battery import suggested
from .controllers.soc_options import OPTIONS as SOC_OPTIONS, SECTION as SOC_SECTION
from .controllers.state_of_charge import StateOfChargeControl
from .controllers.upload_pause import UploadPause
from .flows import feed_in, feed_in_proposal, shelly_em, studer, victron_gx
from .flows.found import Found
from .flows.sections import in_section
from .providers import Provider
from .solarlink.client import CertifiedClient, Client, Installation, Unit
from .solarlink.links.address import LinkAddress
from .solarlink.links.hid import HidNode

type FormData = Mapping[str, Any]
type Repair = Callable[[Client], Awaitable[None]]

PORT_SELECTOR = vol.All(
    selector.NumberSelector(selector.NumberSelectorConfig(min=1, max=65535, mode=selector.NumberSelectorMode.BOX)),
    vol.Coerce(int),
)


PASSWORD_SELECTOR = selector.TextSelector(selector.TextSelectorConfig(type=selector.TextSelectorType.PASSWORD))


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
    search: Callable[[HomeAssistant], Awaitable[list[Found]]] | None = None
    """Looks in the network for what the link may lead to; shown in the text, and offered as hosts."""
    incoming: bool = False
    """Whether the gateway dials us, so that several entries may wait on one port."""
    login: Mapping[vol.Marker, Any] = field(default_factory=dict)
    """The fields of the form that are asked again when the device refuses them."""
    no_device: bool = False
    """Whether nothing is at the far end, because what is needed belongs to other entries: nothing is read or polled."""
    ask: Callable[[HomeAssistant, FormData], vol.Schema] | None = None
    """Builds the form with what Home Assistant has now; takes what the entry knows already."""
    suggest: Callable[[HomeAssistant], Mapping[str, Any]] = lambda hass: {}
    """What the form begins with where nothing is known yet."""
    settle: Callable[[HomeAssistant, FormData, FormData], dict[str, Any]] = lambda hass, data, known: dict(data)
    """What an entry keeps of the input, given what it knew before."""
    look: Callable[[HomeAssistant, FormData, Callable[[float], None]], Awaitable[str]] | None = None
    """Looks at what the input leads to, beyond who is there, and tells it as text before anything is added."""


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
    offer_options: Callable[[Installation | None, FormData], Mapping[str, Any]] | None = None
    """Options whose choices depend on what is there and on what was chosen, by name; called in a thread."""
    suggest_options: Callable[[HomeAssistant], Mapping[str, Mapping[str, Any]]] = lambda hass: {}
    """What to propose, by section and name, where the owner has chosen nothing of it yet."""
    option_complaints: Callable[[FormData], dict[str, str]] = _no_complaints
    """What is wrong with the chosen options: field to error key; called in a thread."""
    controllers: Mapping[str, type[Provider]] = field(default_factory=dict)
    """What carries out the family's controllers, by the name in ``Point.controller``."""
    repairs: Mapping[str, Repair] = field(default_factory=dict)
    """What puts a trouble of the client right when the owner agrees, by the trouble's key."""
    service_type: str = ""
    """The service by which devices announce themselves in the network, as the manifest asks for it."""
    host_names: str = ""
    """How the host names begin that the devices give themselves, in lower case, as the manifest asks for them."""


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


def tcp_form(port: int, more: Mapping[vol.Marker, Any] | None = None) -> LinkForm:
    """For devices that we connect by TCP; ``more`` is asked as well."""
    return LinkForm(
        schema=vol.Schema(
            {
                vol.Required(CONF_HOST): selector.TextSelector(),
                vol.Required(CONF_PORT, default=port): PORT_SELECTOR,
                **(more or {}),
            }
        ),
        address=lambda data: LinkAddress("tcp", host=data[CONF_HOST].strip(), port=data[CONF_PORT]),
        complaints=_host_complaints,
        far_end=(CONF_HOST, CONF_PORT),
    )


def modbus_bridge_form(port: int, more: Mapping[vol.Marker, Any]) -> LinkForm:
    """For devices that speak Modbus RTU behind a serial server; ``more`` is asked as well."""
    return replace(
        tcp_form(port, more),
        address=lambda data: LinkAddress("modbus", host=data[CONF_HOST].strip(), port=data[CONF_PORT]),
    )


def udp_form(port: int) -> LinkForm:
    """For devices that take datagrams, and send theirs to a port of ours that is set there."""
    return LinkForm(
        schema=vol.Schema(
            {
                vol.Required(CONF_HOST): selector.TextSelector(),
                vol.Required(CONF_PORT, default=port): PORT_SELECTOR,
                vol.Required(CONF_LOCAL_PORT, default=port): PORT_SELECTOR,
            }
        ),
        address=lambda data: LinkAddress(
            "udp", host=data[CONF_HOST].strip(), port=data[CONF_PORT], local=data[CONF_LOCAL_PORT]
        ),
        complaints=_host_complaints,
        far_end=(CONF_HOST, CONF_PORT),
    )


def _host_and_port(text: str) -> tuple[str, str]:
    """A host and the port that may follow it. More than one colon is an IPv6 address, which is taken as a whole."""
    host, colon, port = text.strip().rpartition(":")
    return (host, port) if colon and ":" not in host else (text.strip(), "")


def moved(host: str, ip: str) -> str:
    """What to keep for a device that was entered as ``host`` and is at ``ip`` now; a name finds it by itself."""
    name, port = _host_and_port(host)
    try:
        ip_address(name)
    except ValueError:
        return host
    return f"{ip}:{port}" if port else ip


def host_form(scheme: str, login: Mapping[vol.Marker, Any] | None = None) -> LinkForm:
    """For devices of which the owner needs to know nothing but the address; a port may follow its name.

    ``login`` is asked as well, for devices that may want a password.
    """

    def address(data: FormData) -> LinkAddress:
        host, port = _host_and_port(data[CONF_HOST])
        return LinkAddress(scheme, host=host, port=int(port or 0))

    def complaints(data: FormData) -> dict[str, str]:
        host, port = _host_and_port(data[CONF_HOST])
        good = not port or (port.isdecimal() and 0 < int(port) < 65536)
        return {} if good and not _host_complaints({CONF_HOST: host}) else {CONF_HOST: "not_a_host_or_port"}

    return LinkForm(
        schema=vol.Schema({vol.Required(CONF_HOST): selector.TextSelector(), **(login or {})}),
        address=address,
        complaints=complaints,
        far_end=(CONF_HOST,),
        login=login or {},
    )


def serial_form(more: Mapping[vol.Marker, Any] | None = None) -> LinkForm:
    """For devices on a serial port of this machine or of a serial proxy; ``more`` is asked as well."""
    return LinkForm(
        schema=vol.Schema({vol.Required(CONF_DEVICE): selector.SerialPortSelector(), **(more or {})}),
        address=lambda data: LinkAddress("serial", path=data[CONF_DEVICE]),
        far_end=(CONF_DEVICE,),
    )


def hid_form(find: Callable[[], list[HidNode]]) -> LinkForm:
    """For devices on a USB port of this machine that are no serial ports; ``find`` lists them and may block."""

    def offer() -> vol.Schema:
        nodes: list[HidNode] = []
        # Whatever keeps them from being listed is told when one is opened.
        with suppress(OSError):
            nodes = find()
        options = [
            selector.SelectOptionDict(
                value=node.path, label=", ".join(filter(None, (node.path, node.product, node.port)))
            )
            for node in nodes
        ]
        choice = selector.SelectSelectorConfig(
            options=options, custom_value=True, mode=selector.SelectSelectorMode.DROPDOWN
        )
        default = nodes[0].path if len(nodes) == 1 else vol.UNDEFINED
        return vol.Schema({vol.Required(CONF_DEVICE, default=default): selector.SelectSelector(choice)})

    return LinkForm(
        schema=vol.Schema({vol.Required(CONF_DEVICE): selector.TextSelector()}),
        offer=offer,
        address=lambda data: LinkAddress("hid", path=data[CONF_DEVICE].strip()),
        complaints=_node_complaints,
        far_end=(CONF_DEVICE,),
    )


def _node_complaints(data: FormData) -> dict[str, str]:
    return {} if data[CONF_DEVICE].strip().startswith("/dev/") else {CONF_DEVICE: "not_a_node"}


def _attached_inverters() -> list[HidNode]:
    from .solarlink.voltronic import attached_inverters  # noqa: PLC0415 - a thread may import, the event loop may not

    return attached_inverters()


def _root_complaints(data: FormData) -> dict[str, str]:
    try:
        if root := data.get("ca_pem", "").strip():
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=root)
    except ValueError, ssl.SSLError:
        return {"ca_pem": "not_a_certificate"}
    return {}


CONEXT_OPTIONS: Mapping[vol.Marker, Any] = {
    vol.Required("byte_order", default="auto"): selector.SelectSelector(
        selector.SelectSelectorConfig(
            options=["auto", "lsb", "msb"], translation_key="byte_order", mode=selector.SelectSelectorMode.DROPDOWN
        )
    ),
    vol.Required("keep_connection", default="auto"): selector.SelectSelector(
        selector.SelectSelectorConfig(
            options=["auto", "yes", "no"], translation_key="keep_connection", mode=selector.SelectSelectorMode.DROPDOWN
        )
    ),
    vol.Required("swap_battery_energy", default=False): selector.BooleanSelector(),
}
"""What gateways and firmwares do differently, where it cannot be found out or was found out wrongly."""

PYLONTECH_PROTOCOL: Mapping[vol.Marker, Any] = {
    vol.Required("protocol", default="console"): selector.SelectSelector(
        selector.SelectSelectorConfig(
            options=["console", "rs485"],
            translation_key="pylontech_protocol",
            mode=selector.SelectSelectorMode.DROPDOWN,
        )
    )
}
"""Which port of the master battery the line leads to."""


async def _accept_certificate(client: Client) -> None:
    assert isinstance(client, CertifiedClient)
    client.accept_certificate()


FAMILIES: Mapping[str, FamilyEntry] = {
    "studer": FamilyEntry(
        links={
            "listen": replace(listen_form(4001), search=studer.async_find_boxes),
            "tcp": replace(tcp_form(4001), search=studer.async_find_boxes),
            "udp": replace(udp_form(4001), search=studer.async_find_boxes),
            "serial": serial_form(studer.PRESETS),
            "modbus": replace(
                serial_form(studer.SWITCHES), address=lambda data: LinkAddress("modbus", path=data[CONF_DEVICE])
            ),
            "modbus_tcp": modbus_bridge_form(4001, studer.OFFSETS),
        },
        pause="pause_scom",
        options=studer.OPTIONS,
        offer_options=studer.offered_options,
        option_complaints=studer.option_complaints,
        controllers={InstallationClock.key: InstallationClock, UploadPause.key: UploadPause},
    ),
    "voltronic": FamilyEntry(
        links={"hid": hid_form(_attached_inverters), "serial": serial_form(), "tcp": tcp_form(8899)},
        interval=10,
        shortest_interval=5,
        options={
            vol.Required("priority_map", default="auto"): selector.SelectSelector(
                selector.SelectSelectorConfig(
                    options=["auto", "standard", "shifted"],
                    translation_key="priority_map",
                    mode=selector.SelectSelectorMode.DROPDOWN,
                )
            ),
            vol.Required("pi18_energy_unit", default="wh"): selector.SelectSelector(
                selector.SelectSelectorConfig(
                    options=["wh", "kwh"],
                    translation_key="pi18_energy_unit",
                    mode=selector.SelectSelectorMode.DROPDOWN,
                )
            ),
            vol.Required("gap_ms", default=100): selector.NumberSelector(
                selector.NumberSelectorConfig(
                    min=0, max=1000, step=10, unit_of_measurement="ms", mode=selector.NumberSelectorMode.BOX
                )
            ),
            **in_section(CHARGE_OPTIONS, OPTIONS),
        },
        controllers={ChargeManager.key: ChargeManager},
    ),
    "senec": FamilyEntry(
        links={"host": host_form("https")},
        interval=10,
        shortest_interval=5,
        options={vol.Optional("ca_pem"): selector.TextSelector(selector.TextSelectorConfig(multiline=True))},
        option_complaints=_root_complaints,
        controllers={ForceCharge.key: ForceCharge},
        repairs={"certificate_changed": _accept_certificate},
    ),
    "conext": FamilyEntry(
        links={"tcp": tcp_form(502)},
        interval=10,
        shortest_interval=5,
        options={
            **CONEXT_OPTIONS,
            **in_section(SOC_SECTION, SOC_OPTIONS),
        },
        suggest_options=lambda hass: {SOC_SECTION: suggested(hass)},
        controllers={StateOfChargeControl.key: StateOfChargeControl},
    ),
    "pylontech": FamilyEntry(
        links={"serial": serial_form(PYLONTECH_PROTOCOL), "tcp": tcp_form(8899, PYLONTECH_PROTOCOL)},
        interval=10,
        shortest_interval=5,
    ),
    "opendtu": FamilyEntry(
        links={"host": host_form("http", {vol.Optional(CONF_PASSWORD): PASSWORD_SELECTOR})},
        interval=5,
        service_type="_opendtu._tcp.local.",
        host_names="opendtu-",
    ),
    "shelly_em": FamilyEntry(
        links={
            "host": host_form(
                "http",
                {vol.Optional(CONF_USERNAME): selector.TextSelector(), vol.Optional(CONF_PASSWORD): PASSWORD_SELECTOR},
            )
        },
        interval=5,
        options=shelly_em.OPTIONS,
        offer_options=shelly_em.offered_options,
    ),
    "victron_gx": FamilyEntry(
        links={"tcp": tcp_form(502)},
        interval=5,
        options=victron_gx.OPTIONS,
        option_complaints=victron_gx.option_complaints,
        controllers={GxPublisher.key: GxPublisher},
    ),
    "feed_in_control": FamilyEntry(
        links={
            "house": LinkForm(
                schema=feed_in.SCHEMA,
                ask=feed_in.form,
                suggest=feed_in_proposal.proposal,
                settle=feed_in.settle,
                complaints=feed_in.complaints,
                look=async_look,
                address=lambda data: LinkAddress("none"),
                no_device=True,
            )
        },
        interval=5,
        controllers={FeedInControl.key: FeedInControl},
    ),
}


def identifier(family: str, unit: Unit) -> str:
    """How registries know a unit: serial numbers of several makers may collide, so the family is part of it."""
    return f"{family}-{unit.serial}"
