"""Everything that can be read besides live data (reference section 3.2)."""

from collections.abc import Mapping
from datetime import datetime

from . import replies
from .alarms import message
from .dtu import Dtu
from .numbers import Json
from .replies import reply
from .view import RadioStats, View
from .writes import serial_number

type Query = Mapping[str, str]

HEAP = 327_680
NO_DATE = "--"
TASKS = (("IDLE0", 612, 0), ("loopTask", 2_944, 1), ("async_tcp", 9_820, 3), ("wifi", 3_180, 23))
GRID_PROFILE = (0x03, 0x00, 0x20, 0x00, 0x00, 0x08, 0x08, 0xFC, 0x07, 0x30, 0x00, 0x01, 0x0A, 0x55)
GRID_PROFILE_SECTIONS = (
    (
        "Voltage (H/LVRT)",
        (("Nominal Voltage", "V", 230.0), ("Low Voltage 1", "V", 184.0), ("High Voltage 1", "V", 264.5)),
    ),
    ("Frequency (H/LFRT)", (("Nominal Frequency", "Hz", 50.0), ("Low Frequency 1", "Hz", 47.5))),
    ("Reconnection", (("Reconnect Time", "s", 60.0), ("Reconnect High Voltage", "V", 253.0))),
)


def _date(moment: datetime) -> str:
    return moment.strftime("%A, %B %d %Y %H:%M:%S")


class Status:
    """Builds all replies but live data."""

    def __init__(self, dtu: Dtu, *, dtu_serial: str, mac: str, ip: str, git_hash: str, cpu_temperature: bool) -> None:
        """``cpu_temperature``: whether the chip measures it."""
        self._dtu = dtu
        self._dtu_serial = dtu_serial
        self._mac = mac
        self._ip = ip
        self._git_hash = git_hash
        self._cpu_temperature = cpu_temperature
        self.sockets = 0
        """Open WebSockets, which cost memory."""

    @property
    def host_name(self) -> str:
        """Return the name in the network."""
        return "OpenDTU-" + self._mac.replace(":", "").upper()[-6:]

    def view(self, query: Query) -> View | None:
        """Return the inverter that a request names."""
        return self._dtu.find(serial_number(query.get("inv", "")))

    def limit(self, _query: Query) -> dict[str, Json]:
        """Return the limits and the state of the last limit commands."""
        return {
            view.serial: {
                "limit_relative": float(
                    min(view.limit_relative, 100.0) if self._dtu.firmware.limit_cut else view.limit_relative
                ),
                "max_power": int(view.max_power),
                "limit_set_status": view.limit_status,
            }
            for view in self._dtu.views
        }

    def power(self, _query: Query) -> dict[str, Json]:
        """Return the state of the last power commands."""
        return {view.serial: {"power_set_status": view.power_status} for view in self._dtu.views}

    def system(self, _query: Query) -> dict[str, Json]:
        """Return firmware, memory and radios."""
        firmware = self._dtu.firmware
        used = 131_072 + 4_096 * self.sockets + 2_048 * len(self._dtu.views)
        document: dict[str, Json] = {
            "hostname": self.host_name,
            "sdkversion": "v4.4.7-dirty" if firmware.since(24, 1) else "v4.4.4",
            "cpufreq": 240,
        }
        if firmware.since(24, 9):
            document["cputemp"] = 47.2 if self._cpu_temperature else None
        document |= {"heap_total": HEAP, "heap_used": used}
        if firmware.since(23, 11):
            document |= {"heap_max_block": (HEAP - used) * 3 // 4, "heap_min_free": (HEAP - used) * 4 // 5}
        if firmware.since(24, 5):
            document |= {"psram_total": 0, "psram_used": 0}
        document |= {
            "sketch_total": 1_966_080,
            "sketch_used": 1_421_312,
            "littlefs_total": 196_608,
            "littlefs_used": 24_576,
            "chiprevision": 3,
            "chipmodel": "ESP32-D0WD-V3",
            "chipcores": 2,
        }
        if firmware.since(24, 5):
            document["flashsize"] = 4_194_304
        if firmware.tasks:
            document["task_details"] = [
                {"name": name, "stack_watermark": stack, "priority": priority} for name, stack, priority in TASKS
            ]
        reason = "Software reset CPU" if self._dtu.boots else "Vbat power on reset"
        document |= {
            "resetreason_0": reason,
            "resetreason_1": "for digital core" if reason.startswith("Vbat") else reason,
            "cfgsavecount": 14,
            "config_version": "0.1.30" if firmware.since(25, 1) else "0.1.27",
            "git_hash": self._git_hash,
        }
        if firmware.branch:
            document["git_branch"] = "development" if firmware.on_battery else "master"
        document |= {
            "pioenv": "generic_esp32",
            "uptime": int(self._dtu.uptime),
            "nrf_configured": True,
            "nrf_connected": True,
            "nrf_pvariant": True,
            "cmt_configured": any(view.hardware.kind.radio == "cmt" for view in self._dtu.views),
            "cmt_connected": any(view.hardware.kind.radio == "cmt" for view in self._dtu.views),
        }
        return document

    def network(self, _query: Query) -> dict[str, Json]:
        """Return the connection to the network."""
        return {
            "sta_status": True,
            "sta_ssid": "Haus am Hang",
            "sta_bssid": "02:00:5E:10:00:01",
            "sta_rssi": -58,
            "network_hostname": self.host_name,
            "network_ip": self._ip,
            "network_netmask": "255.255.255.0",
            "network_gateway": self._ip.rpartition(".")[0] + ".1",
            "network_dns1": self._ip.rpartition(".")[0] + ".1",
            "network_dns2": "0.0.0.0",
            "network_mac": self._mac,
            "network_mode": "Station",
            "ap_status": False,
            "ap_ssid": self.host_name,
            "ap_ip": "192.168.4.1",
            "ap_mac": self._mac,
            "ap_stationnum": 0,
        }

    def ntp(self, _query: Query) -> dict[str, Json]:
        """Return clock and sun."""
        now, known = self._dtu.house.now, self._dtu.clock_set
        rise, fall = self._dtu.house.daylight()
        return {
            "ntp_server": "opendtu.pool.ntp.org",
            "ntp_timezone": "CET-1CEST,M3.5.0,M10.5.0/3",
            "ntp_timezone_descr": "Europe/Berlin",
            "ntp_status": known,
            "ntp_localtime": _date(now) if known else "Thursday, January 01 1970 01:00:00",
            "sun_risetime": _date(rise) if known else NO_DATE,
            "sun_settime": _date(fall) if known else NO_DATE,
            "sun_isSunsetAvailable": known,
            "sun_isDayPeriod": self._dtu.day if known else True,
        }

    def mqtt(self, _query: Query) -> dict[str, Json]:
        """Return the MQTT settings of a DTU that does not use it."""
        return {
            "mqtt_enabled": False,
            "mqtt_hostname": "",
            "mqtt_port": 1883,
            "mqtt_clientid": self.host_name,
            "mqtt_username": "",
            "mqtt_topic": "solar/",
            "mqtt_connected": False,
            "mqtt_retain": True,
            "mqtt_tls": False,
            "mqtt_lwt_topic": "solar/dtu/status",
            "mqtt_publish_interval": 5,
            "mqtt_clean_session": True,
            "mqtt_hass_enabled": False,
        }

    def device(self, query: Query) -> dict[str, Json]:
        """Return model and firmware of an inverter, once the DTU knows them; in old firmware of all inverters."""
        if self._dtu.firmware.by_serial:
            return {view.serial: self._device(view) for view in self._dtu.views}
        return self._device(self.view(query))

    def _device(self, view: View | None) -> dict[str, Json]:
        if view is None or not view.max_power:
            return {
                "valid_data": False,
                "fw_bootloader_version": 0,
                "fw_build_version": 0,
                "hw_part_number": 0,
                "hw_version": "00.00",
                "hw_model_name": "Unknown",
                "max_power": 0,
                "fw_build_datetime": "1970-01-01 00:00:00",
            }
        hardware = view.hardware
        document: dict[str, Json] = {
            "valid_data": True,
            "fw_bootloader_version": 101,
            "fw_build_version": 10012 if hardware.shares_power else 10008 if hardware.spec.slow else 10014,
            "hw_part_number": hardware.model.part_number,
            "hw_version": "01.10",
            "hw_model_name": hardware.model.name,
            "max_power": int(view.max_power),
            "fw_build_datetime": hardware.build_date,
        }
        if self._dtu.firmware.since(25, 1):
            document["pdl_supported"] = hardware.shares_power
        return document

    def events(self, query: Query) -> dict[str, Json]:
        """Return the events of an inverter, in old firmware of all inverters."""
        if self._dtu.firmware.by_serial:
            return {view.serial: self._events(view) for view in self._dtu.views}
        return self._events(self.view(query))

    @staticmethod
    def _events(view: View | None) -> dict[str, Json]:
        listed = [] if view is None else view.events
        family = "" if view is None else view.hardware.kind.family
        return {
            "count": len(listed),
            "events": [
                {
                    "message_id": event.message_id,
                    "message": message(event.message_id, family),
                    "start_time": event.start,
                    "end_time": event.end,
                }
                for event in listed
            ],
        }

    def grid_profile(self, query: Query) -> dict[str, Json]:
        """Return the grid code of an inverter."""
        if self.view(query) is None:
            return {"name": "", "version": "", "sections": []}
        return {
            "name": "DE - VDE 4105:2018",
            "version": "2.0.0",
            "sections": [
                {"name": name, "items": [{"n": item, "u": unit, "v": value} for item, unit, value in items]}
                for name, items in GRID_PROFILE_SECTIONS
            ],
        }

    def grid_profile_raw(self, query: Query) -> dict[str, Json]:
        """Return the same as bytes."""
        return {"raw": [] if self.view(query) is None else list(GRID_PROFILE)}

    def inverters(self, _query: Query) -> dict[str, Json]:
        """Return the owner's settings of all inverters."""
        return {
            "inverter": [view.configuration.document(view.serial, view.hardware.kind.text) for view in self._dtu.views]
        }

    def configuration(self, _query: Query) -> dict[str, Json]:
        """Return the DTU's own settings."""
        document: dict[str, Json] = {
            "serial": self._dtu_serial,
            "pollinterval": int(self._dtu.poll_interval),
            "nrf_enabled": True,
            "nrf_palevel": 2,
            "cmt_enabled": False,
            "cmt_palevel": 10,
            "cmt_frequency": 865_000_000,
            "cmt_country": 0,
            "cmt_chan_width": 250_000,
        }
        document["country_def"] = [{"freq_default": 865_000_000, "freq_min": 863_000_000, "freq_max": 870_000_000}]
        return document

    def authenticated(self, _query: Query) -> dict[str, Json]:
        """Return that the password is right."""
        return reply(replies.AUTHENTICATED, numbered=self._dtu.firmware.codes)

    def reset_stats(self, query: Query) -> dict[str, Json]:
        """Clear the radio's counters of an inverter."""
        view = self.view(query)
        if view is not None:
            view.stats = RadioStats()
        return reply(replies.STATS_RESET, numbered=self._dtu.firmware.codes)
