"""The dialogs: which family, which link, a look at what is there, and the polling interval."""

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from functools import partialmethod
from typing import Any, override

import voluptuous as vol
from homeassistant.components import network
from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    ConfigEntry,
    ConfigEntryState,
    ConfigFlow,
    ConfigFlowResult,
    OptionsFlowWithReload,
)
from homeassistant.const import CONF_HOST, CONF_PORT, CONF_USERNAME, UnitOfTime
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr, selector
from homeassistant.helpers.service_info.dhcp import DhcpServiceInfo
from homeassistant.helpers.service_info.zeroconf import ZeroconfServiceInfo

from .const import CONF_FAMILY, CONF_INTERVAL, CONF_LINK, DOMAIN, MAX_INTERVAL
from .families import FAMILIES, LinkForm, identifier, moved
from .flows.found import Found
from .opening import async_family_name
from .probing import Probe
from .solarlink.client import Installation
from .solarlink.errors import NobodyCalledError, SolarError

_LOGGER = logging.getLogger(__name__)

PROGRESS_AFTER = 0.5
"""Seconds for which a dialog waits before it shows progress: what is over at once needs none."""

PROGRESS_SHOWN = 1.5
"""Seconds that a progress page stays at least. The browser subscribes to its end only after it was drawn, and would
wait for ever for an end that came earlier."""

CONNECT_WAIT = 60.0
"""Seconds that a gateway has to dial in, or a device to be reached, before the dialog gives up."""

GLANCE_WAIT = 10.0
"""Seconds in which a device that was found by itself has to say who it is."""

EXPLAINED = frozenset(
    {
        "address_not_local",
        "auth_failed",
        "bad_answer",
        "bus_not_open",
        "device_refused",
        "failed",
        "high_voltage_stack",
        "link_closed",
        "link_failed",
        "link_lost",
        "modbus_off",
        "no_answer",
        "no_device",
        "no_gx",
        "no_local_server",
        "no_opendtu",
        "no_permission",
        "nobody_called",
        "not_a_meter",
        "port_taken",
        "silent_port",
        "sunspec_port",
        "unsupported_dialect",
        "wrong_device",
    }
)
"""Errors that have a text of their own in a dialog; others are explained as what they are a kind of."""


def _explained(error: SolarError) -> str:
    return next(kind.key for kind in type(error).__mro__ if issubclass(kind, SolarError) and kind.key in EXPLAINED)


class _Work[T]:
    """Something that a dialog waits for, with a page that shows progress where it takes longer."""

    def __init__(self, hass: HomeAssistant, work: Coroutine[Any, Any, T], name: str) -> None:
        self._task = hass.async_create_task(work, f"{DOMAIN} {name}")
        self._hass = hass
        self.page: asyncio.Task[None] | None = None

    async def async_is_over(self) -> bool:
        """Whether it is over; the first caller waits a moment for it."""
        if self.page is None:
            await asyncio.wait({self._task}, timeout=PROGRESS_AFTER)
            if self._task.done():
                return True
            self.page = self._hass.async_create_task(self._async_last(), f"{DOMAIN} progress")
        return self.page.done()

    async def _async_last(self) -> None:
        await asyncio.sleep(PROGRESS_SHOWN)
        await asyncio.wait({self._task})

    async def async_result(self) -> T:
        """What came of it; raises what went wrong."""
        return await self._task

    @callback
    def async_cancel(self) -> None:
        """Nobody waits any more."""
        self._task.cancel()
        if self.page is not None:
            self.page.cancel()


def _with_hosts(schema: vol.Schema, found: list[Found]) -> vol.Schema:
    """The form with hosts that were found to choose from; another one can be typed as before."""
    if not found or CONF_HOST not in schema.schema:
        return schema
    offered = selector.SelectSelector(
        selector.SelectSelectorConfig(
            options=[selector.SelectOptionDict(value=each.address, label=each.label) for each in found],
            custom_value=True,
            mode=selector.SelectSelectorMode.DROPDOWN,
        )
    )
    return vol.Schema({key: offered if key == CONF_HOST else each for key, each in schema.schema.items()})


class LocalSolarConfigFlow(ConfigFlow, domain=DOMAIN):
    """Adds an installation, or changes how one is reached."""

    VERSION = 1
    MINOR_VERSION = 1

    def __init__(self) -> None:
        """Nothing is known yet."""
        self._data: dict[str, Any] = {}
        self._probe: Probe | None = None
        self._connecting: _Work[None] | None = None
        self._identifying: _Work[Installation] | None = None
        self._installation: Installation | None = None
        self._failure: SolarError | None = None
        self._failed = False
        self._unloading: asyncio.Task[None] | None = None
        self._found: list[Found] | None = None
        self._seen = ""

    @staticmethod
    @callback
    @override
    def async_get_options_flow(config_entry: ConfigEntry) -> LocalSolarOptionsFlow:
        """The dialog for the options."""
        return LocalSolarOptionsFlow()

    @classmethod
    @callback
    @override
    def async_supports_options_flow(cls, config_entry: ConfigEntry) -> bool:
        """Whether there is anything to choose: where nothing is polled, not even how often."""
        family = FAMILIES[config_entry.data[CONF_FAMILY]]
        return bool(family.options) or not family.links[config_entry.data[CONF_LINK]].no_device

    # Which family, which link

    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the family."""
        return self.async_show_menu(step_id="user", menu_options=list(FAMILIES))

    async def async_step_dhcp(self, discovery_info: DhcpServiceInfo) -> ConfigFlowResult:
        """A device that we know has got another address: follow it."""
        mac = (dr.CONNECTION_NETWORK_MAC, dr.format_mac(discovery_info.macaddress))
        for device in dr.async_get(self.hass).async_get_devices(connections={mac}):
            for entry in self._async_current_entries(include_ignore=False):
                if entry.entry_id == device.config_entry_id and CONF_HOST in entry.data:
                    await self.async_set_unique_id(entry.unique_id)
                    host = moved(entry.data[CONF_HOST], discovery_info.ip)
                    self._abort_if_unique_id_configured(updates={CONF_HOST: host})
        name = discovery_info.hostname.lower()
        for family, entry_of_family in FAMILIES.items():
            if entry_of_family.host_names and name.startswith(entry_of_family.host_names):
                return await self._async_discovered(family, discovery_info.ip, name)
        return self.async_abort(reason="no_known_device")

    async def async_step_zeroconf(self, discovery_info: ZeroconfServiceInfo) -> ConfigFlowResult:
        """A device announces itself."""
        kind = next(family for family, entry in FAMILIES.items() if entry.service_type == discovery_info.type)
        port = "" if discovery_info.port in (None, 80) else f":{discovery_info.port}"
        name = discovery_info.hostname.removesuffix(".").removesuffix(".local").lower()
        return await self._async_discovered(kind, f"{discovery_info.host}{port}", name)

    async def _async_discovered(self, family: str, host: str, name: str) -> ConfigFlowResult:
        """Offer a device that was found by itself, unless it is there already, perhaps at another address."""
        link = next(iter(FAMILIES[family].links))
        # One dialog for each device, whichever way it was found; what it is called is all that is known of it yet.
        called = {"name": name}
        if any(flow["context"].get("title_placeholders") == called for flow in self._async_in_progress()):
            return self.async_abort(reason="already_in_progress")
        self.context["title_placeholders"] = called
        await self.async_set_unique_id(name)
        self._async_abort_entries_match({CONF_FAMILY: family, CONF_HOST: host})
        self._data = {CONF_FAMILY: family, CONF_LINK: link, CONF_HOST: host}
        if installation := await self._async_glance():
            await self.async_set_unique_id(identifier(family, installation.root))
            self._abort_if_unique_id_configured(updates={CONF_HOST: host})
        return await self._async_step_link(family, link)

    async def _async_glance(self) -> Installation | None:
        """Who is there, as far as the device tells it to everybody."""
        probe = Probe(self.hass, self._data[CONF_FAMILY], self._data[CONF_LINK], self._data)
        try:
            async with asyncio.timeout(GLANCE_WAIT):
                await probe.async_connect(GLANCE_WAIT)
                return await probe.async_identify(lambda share, name: None)
        except SolarError, TimeoutError:
            return None
        finally:
            await probe.async_close()

    async def async_step_reauth(self, entry_data: Mapping[str, Any]) -> ConfigFlowResult:
        """The device does not take the user name or the password any more."""
        return await self.async_step_reauth_confirm()

    async def async_step_reauth_confirm(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for them, and try them before they are kept."""
        entry = self._get_reauth_entry()
        form = FAMILIES[entry.data[CONF_FAMILY]].links[entry.data[CONF_LINK]]
        errors: dict[str, str] = {}
        placeholders = {"name": entry.title}
        if user_input is not None:
            data = {key: value for key, value in entry.data.items() if key not in form.login} | user_input
            self._data = data
            failure = await self._async_try()
            if isinstance(failure, str):
                return self.async_abort(reason=failure)
            if failure is None:
                return self.async_update_reload_and_abort(entry, data=data)
            errors, placeholders = {"base": _explained(failure)}, placeholders | failure.details
        schema = self.add_suggested_values_to_schema(
            vol.Schema(dict(form.login)), user_input or {CONF_USERNAME: entry.data.get(CONF_USERNAME)}
        )
        return self.async_show_form(
            step_id="reauth_confirm", data_schema=schema, errors=errors, description_placeholders=placeholders
        )

    async def _async_try(self) -> SolarError | str | None:
        """What keeps ``_data`` from leading to the device of this dialog: an error, or why the dialog is over."""
        probe = Probe(self.hass, self._data[CONF_FAMILY], self._data[CONF_LINK], self._data)
        try:
            await probe.async_connect(CONNECT_WAIT)
            installation = await probe.async_identify(lambda share, name: None)
        except SolarError as err:
            return err
        finally:
            await probe.async_close()
        same = identifier(self._data[CONF_FAMILY], installation.root) == self._get_reauth_entry().unique_id
        return None if same else "wrong_device"

    async def async_step_reconfigure(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the link again; the family stays."""
        return await self._async_step_family(self._get_reconfigure_entry().data[CONF_FAMILY])

    async def _async_step_family(self, family: str, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        links = list(FAMILIES[family].links)
        if len(links) == 1:
            return await self._async_step_link(family, links[0])
        return self.async_show_menu(step_id=family, menu_options=[f"{family}_{link}" for link in links])

    async def _async_step_link(
        self, family: str, link: str, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        form = FAMILIES[family].links[link]
        found = await self._async_found(form) if user_input is None else []
        placeholders = {
            "local_address": await self._local_address(),
            "found": ", ".join(each.label for each in found) or "–",
        }
        errors: dict[str, str] = {}
        if user_input is not None:
            self._failed = False
            settled = form.settle(self.hass, user_input, self._suggested(family, link))
            self._data = {CONF_FAMILY: family, CONF_LINK: link, **settled}
            errors = form.complaints(user_input)
            if not errors:
                if self._is_far_end_taken(form):
                    return self.async_abort(reason="already_configured")
                return await self.async_step_connect()
        elif self._failed:
            # Kept until the next try, because the frontend fetches a form more than once.
            errors = {"base": _explained(self._failure) if self._failure else "unknown"}
            placeholders |= self._failure.details if self._failure else {}
        schema = await self.hass.async_add_executor_job(form.offer) if form.offer else form.schema
        known = self._suggested(family, link)
        if form.ask is not None:
            schema = form.ask(self.hass, known)
        schema = _with_hosts(schema, found)
        schema = self.add_suggested_values_to_schema(schema, known or form.suggest(self.hass))
        return self.async_show_form(
            step_id=f"{family}_{link}", data_schema=schema, errors=errors, description_placeholders=placeholders
        )

    async def _async_found(self, form: LinkForm) -> list[Found]:
        """What is near, searched once for each dialog."""
        if form.search is None:
            return []
        if self._found is None:
            self._found = await form.search(self.hass)
        return self._found

    def _suggested(self, family: str, link: str) -> Mapping[str, Any]:
        known = [self._data]
        if self.source == SOURCE_RECONFIGURE:
            known.append(dict(self._get_reconfigure_entry().data))
        return next((data for data in known if (data.get(CONF_FAMILY), data.get(CONF_LINK)) == (family, link)), {})

    async def _local_address(self) -> str:
        try:
            return await network.async_get_source_ip(self.hass)
        except HomeAssistantError:
            return "?"

    def _other_entries(self) -> list[ConfigEntry]:
        """The entries of this family, without the one that is being changed."""
        return [
            entry
            for entry in self._async_current_entries(include_ignore=False)
            if entry.data[CONF_FAMILY] == self._data[CONF_FAMILY]
            and (self.source != SOURCE_RECONFIGURE or entry.entry_id != self._get_reconfigure_entry().entry_id)
        ]

    def _is_far_end_taken(self, form: LinkForm) -> bool:
        """Most devices serve one client only, so a link that an entry holds is not even tried."""
        fields = (CONF_LINK, *form.far_end)
        return bool(form.far_end) and any(
            all(entry.data.get(field) == self._data[field] for field in fields) for entry in self._other_entries()
        )

    # A look at what is there

    @property
    def _form(self) -> LinkForm:
        return FAMILIES[self._data[CONF_FAMILY]].links[self._data[CONF_LINK]]

    async def async_step_connect(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Wait for the link."""
        if self._connecting is None:
            self._probe = Probe(self.hass, self._data[CONF_FAMILY], self._data[CONF_LINK], self._data)
            self._connecting = _Work(self.hass, self._async_connect(self._probe), "connect")
        if not await self._connecting.async_is_over():
            return self.async_show_progress(
                step_id="connect",
                progress_action="wait_for_gateway" if self._form.incoming else "connect",
                progress_task=self._connecting.page,
                description_placeholders={
                    "port": str(self._data.get(CONF_PORT, "")),
                    "local_address": await self._local_address(),
                    "seconds": f"{CONNECT_WAIT:g}",
                },
            )
        if await self._async_outcome(self._connecting):
            return await self.async_step_identify()
        return self.async_show_progress_done(next_step_id="finish")

    async def _async_connect(self, probe: Probe) -> None:
        if self.source == SOURCE_RECONFIGURE:
            # A person who closes the dialog must not leave the entry half unloaded.
            unload = self._async_unload_entry(self._get_reconfigure_entry())
            self._unloading = self.hass.async_create_task(unload, f"{DOMAIN} unload")
            await asyncio.shield(self._unloading)
        await probe.async_connect(CONNECT_WAIT)

    async def _async_unload_entry(self, entry: ConfigEntry) -> None:
        """The running entry owns the link that we want to try."""
        async with entry.setup_lock:
            # A setup in progress holds the link as well; it is over when the lock is free.
            pass
        if entry.state.recoverable:
            await self.hass.config_entries.async_unload(entry.entry_id)

    async def async_step_identify(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Find out what is behind the link."""
        if self._identifying is None:
            assert self._probe is not None
            self._identifying = _Work(self.hass, self._async_identify(self._probe), "identify")
        if not await self._identifying.async_is_over():
            return self.async_show_progress(
                step_id="identify", progress_action="identify", progress_task=self._identifying.page
            )
        if await self._async_outcome(self._identifying):
            self._installation = await self._identifying.async_result()
        return self.async_show_progress_done(next_step_id="finish")

    async def _async_identify(self, probe: Probe) -> Installation:
        installation = await probe.async_identify(self._show_share)
        if look := self._form.look:
            self._seen = await look(self.hass, self._data, lambda share: self._show_share(share, ""))
        return installation

    @callback
    def _show_share(self, share: float, name: str) -> None:
        self.async_update_progress(min(max(share, 0.0), 1.0))

    async def _async_outcome(self, work: _Work[Any]) -> bool:
        """Whether the task has done its work; if not, what went wrong is kept for the form."""
        self._failure = None
        try:
            await work.async_result()
        except SolarError as err:
            self._failure = err
        except Exception:
            _LOGGER.exception("Unexpected error while looking at the installation")
        else:
            return True
        self._failed = True
        await self._async_release()
        return False

    async def async_step_finish(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Go on with what was found, or back to the form with what went wrong."""
        installation = self._installation
        self._connecting = self._identifying = None
        if installation is None:
            if isinstance(self._failure, NobodyCalledError) and self._is_port_shared():
                # The only gateway that calls this port belongs to another entry already.
                return self.async_abort(reason="already_configured")
            return await self._async_step_link(self._data[CONF_FAMILY], self._data[CONF_LINK])
        await self._async_close_probe()
        await self.async_set_unique_id(identifier(self._data[CONF_FAMILY], installation.root), raise_on_progress=False)
        if self.source == SOURCE_RECONFIGURE:
            self._abort_if_unique_id_mismatch(reason="wrong_device")
            if self._seen:
                return await self._async_step_found(self._data[CONF_FAMILY])
            return self._changed()
        self._abort_if_unique_id_configured()
        known = {(DOMAIN, identifier(self._data[CONF_FAMILY], installation.root))}
        if dr.async_get(self.hass).async_get_devices(identifiers=known):
            # It is a device of another entry already: a member of a group whose every member tells of all.
            return self.async_abort(reason="already_configured")
        return await self._async_step_found(self._data[CONF_FAMILY])

    @callback
    def _changed(self) -> ConfigFlowResult:
        self._unloading = None
        return self.async_update_reload_and_abort(self._get_reconfigure_entry(), data=self._data)

    def _is_port_shared(self) -> bool:
        return any(
            FAMILIES[entry.data[CONF_FAMILY]].links[entry.data[CONF_LINK]].incoming
            and entry.data[CONF_PORT] == self._data[CONF_PORT]
            and entry.state is ConfigEntryState.LOADED
            for entry in self._other_entries()
        )

    async def _async_step_found(self, family: str, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show what was found; submitting adds it."""
        assert self._installation is not None
        root = self._installation.root
        maker, model = await async_family_name(self.hass, family), root.model or root.name
        named = any(model.startswith(name) for name in (maker, root.manufacturer) if name)
        title = model if named else f"{maker} {model}"
        if user_input is not None:
            if self.source == SOURCE_RECONFIGURE:
                return self._changed()
            return self.async_create_entry(title=title, data=self._data)
        rows = [
            f"| {unit.name} | {unit.model} | {unit.serial} | {unit.firmware or '–'} |"
            for unit in self._installation.all_units
        ]
        return self.async_show_form(
            step_id=f"{family}_found",
            data_schema=vol.Schema({}),
            description_placeholders={
                "name": title,
                "count": str(len(self._installation.units)),
                "devices": "\n".join(rows),
                "seen": self._seen,
            },
        )

    # Leaving nothing behind

    @callback
    @override
    def async_remove(self) -> None:
        """The dialog is over, perhaps in the middle of a look: give back the link."""
        for work in (self._connecting, self._identifying):
            if work is not None:
                work.async_cancel()
        if self._probe is not None or self._unloading is not None:
            self.hass.async_create_task(self._async_release(), f"{DOMAIN} release")

    async def _async_close_probe(self) -> None:
        if self._probe is not None:
            probe, self._probe = self._probe, None
            await probe.async_close()

    async def _async_release(self) -> None:
        await self._async_close_probe()
        if self._unloading is not None:
            await self._unloading
            self._unloading = None
            if self.hass.config_entries.async_get_entry(self._reconfigure_entry_id):
                self.hass.config_entries.async_schedule_reload(self._reconfigure_entry_id)


class LocalSolarOptionsFlow(OptionsFlowWithReload):
    """How often values are read, and what else the family lets its owner choose."""

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the polling interval and the family's own options."""
        if user_input is not None:
            return self.async_create_entry(data=user_input)
        return await self._async_step_options(self.config_entry.data[CONF_FAMILY])

    async def _async_offered(self, family: str) -> Mapping[vol.Marker, Any]:
        """The family's own options, with the choices that there are for this installation."""
        options, offer = FAMILIES[family].options, FAMILIES[family].offer_options
        if offer is None:
            return options
        loaded = self.config_entry.state is ConfigEntryState.LOADED
        installation = self.config_entry.runtime_data.installation if loaded else None
        offered = await self.hass.async_add_import_executor_job(offer, installation, dict(self.config_entry.options))
        return {marker: offered.get(str(marker), each) for marker, each in options.items()}

    async def _async_step_options(self, family: str, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """The form of one family, which has its own texts."""
        errors: dict[str, str] = {}
        if user_input is not None:
            errors = await self.hass.async_add_executor_job(FAMILIES[family].option_complaints, user_input)
            if not errors:
                return self.async_create_entry(data=user_input)
        seconds = selector.NumberSelector(
            selector.NumberSelectorConfig(
                min=FAMILIES[family].shortest_interval,
                max=MAX_INTERVAL,
                mode=selector.NumberSelectorMode.BOX,
                unit_of_measurement=UnitOfTime.SECONDS,
            )
        )
        default = FAMILIES[family].interval
        interval = {vol.Required(CONF_INTERVAL, default=default): vol.All(seconds, vol.Coerce(int))}
        schema = vol.Schema({**interval, **await self._async_offered(family)})
        suggested = user_input
        if suggested is None:
            suggested = dict(self.config_entry.options)
            for section, proposed in FAMILIES[family].suggest_options(self.hass).items():
                chosen = suggested.get(section, {})
                if not proposed.keys() & chosen.keys():
                    suggested[section] = {**proposed, **chosen}
        return self.async_show_form(
            step_id=family, data_schema=self.add_suggested_values_to_schema(schema, suggested), errors=errors
        )


def _add_step(flow: type, name: str, method: Any, *arguments: str) -> None:
    setattr(flow, f"async_step_{name}", partialmethod(method, *arguments))


# A menu option is the name of a step, so there is one for every family and every link of the table.
for _family, _entry in FAMILIES.items():
    _add_step(LocalSolarConfigFlow, _family, LocalSolarConfigFlow._async_step_family, _family)
    _add_step(LocalSolarConfigFlow, f"{_family}_found", LocalSolarConfigFlow._async_step_found, _family)
    _add_step(LocalSolarOptionsFlow, _family, LocalSolarOptionsFlow._async_step_options, _family)
    for _link in _entry.links:
        _add_step(LocalSolarConfigFlow, f"{_family}_{_link}", LocalSolarConfigFlow._async_step_link, _family, _link)
