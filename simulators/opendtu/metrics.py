"""The text page of metrics (reference section 3)."""

from .dtu import Dtu
from .live import LiveData
from .numbers import Json, dumps


def _lines(labels: str, section: str, channels: Json, *, short: bool) -> list[str]:
    lines = []
    for channel, values in channels.items() if isinstance(channels, dict) else ():
        for key, value in values.items() if isinstance(values, dict) else ():
            if isinstance(value, dict) and "v" in value:
                name = f"opendtu_{key.replace(' ', '')}"
                where = f'{labels},type="{section}",channel="{channel}",unit="{value["u"]}"'
                lines.append(f"{name}{{{where}}} {dumps(value['v'], short=short)}")
    return lines


def metrics(dtu: Dtu, live: LiveData, host_name: str) -> str:
    """Return all metrics of the DTU and its inverters."""
    short = dtu.firmware.short_floats
    lines = [
        f'opendtu_build{{name="{host_name}",id="{dtu.firmware.tag}"}} 1',
        f"opendtu_platform_uptime_seconds {int(dtu.uptime)}",
    ]
    for view in dtu.views:
        labels = f'serial="{view.serial}",name="{view.configuration.name}"'
        lines.append(f"opendtu_last_update{{{labels}}} {int(dtu.data_age(view))}")
        lines.append(f"opendtu_inverter_limit_relative{{{labels}}} {dumps(view.limit_relative, short=short)}")
        lines.append(f"opendtu_inverter_limit_absolute{{{labels}}} {dumps(view.limit_absolute, short=short)}")
        document = live.inverter(view, full=True)
        for section in ("AC", "DC", "INV"):
            lines += _lines(labels, section, document.get(section), short=short)
    return "\n".join(lines) + "\n"
