"""What can go wrong, once for all families.

Every error carries a stable ``key`` (translated by the integration) and the ``details`` its sentence needs. ``str()``
gives the English sentence, which is what the command line prints.
"""

from typing import ClassVar


class SolarError(Exception):
    """Base of everything this library raises on purpose."""

    key: ClassVar[str] = "failed"
    sentence: ClassVar[str] = "The request failed."

    def __init__(self, **details: str | int | float) -> None:
        """Keep the facts (name, port, limit, ...) that the sentence of this error mentions."""
        self.details = {
            name: f"{value:g}" if isinstance(value, float) else str(value) for name, value in details.items()
        }
        super().__init__(self.sentence.format_map(self.details))


class BadAddressError(SolarError):
    """The text that names a link cannot be understood."""

    key = "bad_address"
    sentence = "'{address}' is no link address that {family} understands; expected {expected}."


class LinkError(SolarError):
    """The link itself is not there: nothing was asked and nothing was answered."""

    key = "link_failed"
    sentence = "No connection to {address}: {reason}."


class PortTakenError(LinkError):
    """Another program listens on the port that we need."""

    key = "port_taken"
    sentence = "Port {port} is used by another program; stop it or choose another port here and in the gateway."


class AddressNotLocalError(LinkError):
    """The address to listen on does not belong to this machine."""

    key = "address_not_local"
    sentence = "{address} is no address of this machine; use 0.0.0.0 to listen on all of them."


class NobodyCalledError(LinkError):
    """We listen, but no gateway has dialled in."""

    key = "nobody_called"
    sentence = (
        "No gateway has connected to port {port}; check on the gateway that its destination is this machine's address "
        "with this port."
    )


class NoPermissionError(LinkError):
    """The device node is there, but this program may not use it."""

    key = "no_permission"
    sentence = (
        "{address} cannot be opened for lack of permission; add the udev rule {rule} and plug the device in again."
    )


class BusNotOpenError(LinkError):
    """A GX is there, but its D-Bus is not open to the network."""

    key = "bus_not_open"
    sentence = (
        "Nothing listens at {address}; switch D-Bus over TCP on in the settings of the GX, restart the GX and try "
        "again."
    )


class ModbusOffError(LinkError):
    """A GX is there, but its Modbus TCP server is off."""

    key = "modbus_off"
    sentence = (
        "Nothing listens at {address}; switch the Modbus TCP server on in the settings of the GX (Settings, "
        "Integrations)."
    )


class NoGxError(LinkError):
    """Something speaks Modbus at the address, but it is no GX."""

    key = "no_gx"
    sentence = "Nothing at {address} answers like a Victron GX; check the address and the port."


class LinkLostError(LinkError):
    """The connection broke while an answer was awaited."""

    key = "link_lost"
    sentence = "The connection to {address} was lost."


class LinkClosedError(LinkError):
    """The link was closed by ourselves while somebody still wanted to use it."""

    key = "link_closed"
    sentence = "The connection to {address} has been closed."


class NoAnswerError(SolarError):
    """The link stands, but the device did not answer in time."""

    key = "no_answer"
    sentence = "{device} did not answer within {seconds} s."


class SilentPortError(NoAnswerError):
    """Nothing was ever heard on a serial port, which may be set otherwise than the device."""

    key = "silent_port"
    sentence = (
        "{device} did not answer within {seconds} s on a serial port that is set to {preset}. Check the cable, and "
        "choose {other} if the device is configured that way."
    )


class BadAnswerError(SolarError):
    """Something came back that is not an answer: wrong length, wrong format, impossible value."""

    key = "bad_answer"
    sentence = "The answer of {device} cannot be understood: {reason}."


class DeviceRefusedError(SolarError):
    """The device understood the request and said no; ``code`` is the family's own number or text."""

    key = "device_refused"
    sentence = "{device} refused: {reason} (code {code})."

    def __init__(self, *, device: str, code: int | str, reason: str) -> None:
        """Keep the device's own code, so that a client can decide whether a retry can help."""
        self.code = code
        super().__init__(device=device, code=code, reason=reason)


class DeviceAbsentError(DeviceRefusedError):
    """The gateway says that the addressed device is not there."""

    key = "device_absent"
    sentence = "{device} is not present (code {code}: {reason})."


class ServiceGoneError(DeviceRefusedError):
    """What the gateway knows of that device is not there now, and may be back at any moment."""

    key = "service_gone"
    sentence = "{device} is not on the GX now (code {code}: {reason}); its values come back with it."


class NotSupportedError(DeviceRefusedError):
    """This device or firmware does not know the value or the service."""

    key = "not_supported"
    sentence = "{device} does not support this: {reason} (code {code})."


class DeviceBusyError(DeviceRefusedError):
    """The device asks to be left alone for a while."""

    key = "device_busy"
    sentence = "{device} is busy; try again in a few seconds."


class MaintenanceError(DeviceBusyError):
    """The gateway is in its nightly maintenance and cannot be reached."""

    key = "maintenance"
    sentence = "{device} is in its nightly maintenance; try again in five minutes."


class UnknownPointError(SolarError):
    """The caller named a unit or a value that this installation does not have."""

    key = "unknown_point"
    sentence = "There is no value '{point}' on unit '{unit}'; `solarlink discover` lists the units."


class NotWritableError(SolarError):
    """The point is read only, or too dangerous to be written by us."""

    key = "not_writable"
    sentence = "{point} cannot be written."


class ValueRangeError(SolarError):
    """The value lies outside what the device accepts now."""

    key = "value_range"
    sentence = "{point} accepts {minimum} to {maximum} {unit}; {value} is outside."


class ValueStepError(SolarError):
    """The value lies between two steps of the device."""

    key = "value_step"
    sentence = "{point} is set in steps of {step} {unit}; {value} is between two of them."


class ValueKindError(SolarError):
    """The value is of the wrong kind (text for a number, an unknown option, not finite)."""

    key = "value_kind"
    sentence = "'{value}' is no value for {point}; expected {expected}."


class ValueChoiceError(SolarError):
    """The device lists what it accepts, and the value is not in the list."""

    key = "value_choice"
    sentence = "{point} cannot be {value}; the device accepts {choices}."


class ValueOrderError(SolarError):
    """The value would contradict another setting of the same device."""

    key = "value_order"
    sentence = "{point} at {value} would contradict {other}, which is {limit} {unit} now."


class NotBelowError(ValueOrderError):
    """The value must stay below that of another setting."""

    key = "value_not_below"
    sentence = "{point} must stay below {other}, which is {limit} {unit} now; {value} is not."


class NotAboveError(ValueOrderError):
    """The value must stay above that of another setting."""

    key = "value_not_above"
    sentence = "{point} must stay above {other}, which is {limit} {unit} now; {value} is not."


class CapError(ValueRangeError):
    """More than a legal limit, which its owner has not said to be allowed here."""

    key = "above_cap"
    sentence = (
        "{point} at {value} W would be more than the {highest} W that are legal without registration; say in the "
        "settings of the controller that more is allowed here."
    )


class NeedsConsentError(SolarError):
    """The write wears flash memory or can cut the supply and was not confirmed."""

    key = "needs_consent"
    sentence = "{point}: {reason}. Confirm it explicitly if that is what you want."


class WriteBudgetError(SolarError):
    """The daily number of flash writes of this point is used up."""

    key = "write_budget"
    sentence = (
        "{point} was already written to flash {count} times in the last 24 hours; the memory wears out, so try again "
        "tomorrow."
    )


class FlashWornError(SolarError):
    """The flash memory of a setting has been written as often as its maker promises."""

    key = "flash_worn"
    sentence = (
        "{point} was written to flash {count} times, and the maker promises about {life}; it can still be set without "
        "making it permanent."
    )


class ManagedByBatteryError(SolarError):
    """A setting that the battery's own link has taken over, so that setting it would do nothing."""

    key = "managed_by_battery"
    sentence = "{point} is managed by the battery through its Xcom-CAN; set {instead} on the battery instead."


class WatchdogArmedError(SolarError):
    """A write would start a watchdog that stops the device unless further writes follow in time."""

    key = "watchdog_armed"
    sentence = (
        "{point} was not set: the SCOM watchdog of {device} is on, so the device would stop and reset {seconds} s "
        "after the write. Switch that watchdog off on the device, or let it be kept alive in the options."
    )


class PauseRefusedError(SolarError):
    """A pause would make the gateway reset itself."""

    key = "pause_refused"
    sentence = (
        "No pause: the SCOM watchdog of the gateway is on and would reset it after {seconds} s without a request. "
        "Switch it off on the remote control first."
    )


class DatalogWaitsError(SolarError):
    """The newest file on the gateway's card has not been fetched by the portal yet."""

    key = "datalog_waits"
    sentence = (
        "The portal has not fetched the newest datalog yet, and reading one now could keep it from that; try again "
        "after the nightly upload."
    )


class WriteUncertainError(SolarError):
    """A write got no answer: it may or may not have been carried out."""

    key = "write_uncertain"
    sentence = "{device} did not confirm that {point} was set; check it on the device and set it again if needed."


class NotKeptError(SolarError):
    """The device confirmed a write, but reads back another value."""

    key = "not_kept"
    sentence = "{point} was sent as {value}, but the device kept {kept}."


class NeedsStandbyError(NotKeptError):
    """The device confirmed a write that it dropped, and it may take the setting only in standby."""

    key = "needs_standby"
    sentence = (
        "{point} was sent as {value}, but {device} kept {kept}; it may take this only in standby, so put it in standby "
        "first."
    )


class AuthError(SolarError):
    """The device wants another user name or password."""

    key = "auth_failed"
    sentence = "{device} refused the user name or the password."


class NoOpenDtuError(LinkError):
    """There is a machine at the address, but it is no OpenDTU."""

    key = "no_opendtu"
    sentence = "Nothing at {address} answers like an OpenDTU; check the address."


class CommandsOffError(DeviceRefusedError):
    """The gateway would take a command for that inverter, and not send it."""

    key = "commands_off"
    sentence = (
        "{device} was not set: the DTU sends no commands to that inverter now. Switch on its commands in the settings "
        "of the DTU, and those at night as well if it is night."
    )


class ClockNotSetError(DeviceRefusedError):
    """The gateway sends nothing to any inverter until it knows the time."""

    key = "clock_not_set"
    sentence = "{device} sends nothing to its inverters, because its clock is not set; check its NTP settings."


class ModbusReadOnlyError(DeviceRefusedError):
    """The GX lets nothing be set over Modbus TCP."""

    key = "modbus_read_only"
    sentence = (
        "{device} lets nothing be set: take the Modbus TCP server of the GX out of its read-only mode (Settings, "
        "Integrations)."
    )


class NotConfirmedYetError(WriteUncertainError):
    """The gateway took a command and keeps trying, but the inverter has not confirmed it."""

    key = "not_confirmed_yet"
    sentence = (
        "The inverter has not confirmed {point} yet. {device} keeps trying, so it may still be set; look again in a "
        "minute."
    )


class TooSoonError(SolarError):
    """The device does not stand this write as often as it is asked for."""

    key = "too_soon"
    sentence = "{point} was set a moment ago; it may be set again in {seconds} s."


class NoLocalServerError(LinkError):
    """There is a machine at the address, but it has no local interface that we know."""

    key = "no_local_server"
    sentence = (
        "Nothing at {address} answers like a SENEC.Home V2 or V3. SENEC.Home V4, E4 and P4 have no local server, only "
        "the cloud, so they cannot be read from here; for a V2 or V3 check the address."
    )


class NotAMeterError(SolarError):
    """Something answers, but it is no energy meter of the family."""

    key = "not_a_meter"
    sentence = (
        "The device at {address} ({found}) is no energy meter that is supported; supported are Shelly EM, 3EM, Pro EM, "
        "Pro 3EM and their Gen3 and Gen4 relatives."
    )


class WrongDeviceError(SolarError):
    """Another device than the expected one answers at this address."""

    key = "wrong_device"
    sentence = "Expected device {expected}, but {found} answers at {address}."


class BusNameTakenError(SolarError):
    """Another program publishes under the same name."""

    key = "bus_name_taken"
    sentence = "Another program already publishes {name} on the GX; let only one of them do it."


class UnsupportedDialectError(SolarError):
    """The device answers, but in a dialect that this library does not speak."""

    key = "unsupported_dialect"
    sentence = "The device at {address} speaks {dialect}, which is not supported; supported are {supported}."


class HighVoltageStackError(SolarError):
    """The battery is a stack of modules in series, whose console speaks of other values."""

    key = "high_voltage_stack"
    sentence = (
        "{device} is a high-voltage stack (Force H, SC0500, Powercube, ...), which is not supported; supported are "
        "stacks of 48 V modules in parallel (US2000, US3000, US5000, Phantom-S, Pytes E-BOX)."
    )


class SunSpecPortError(SolarError):
    """The gateway speaks SunSpec on this port; its own maps are on another one."""

    key = "sunspec_port"
    sentence = "Port {port} of {address} speaks SunSpec, which is not supported; enter port {other} instead."


class NoDeviceError(SolarError):
    """The gateway answers, but no known device is behind it."""

    key = "no_device"
    sentence = "The gateway at {address} answers, but it reports no device; check the cabling behind the gateway."
