"""Replies of the PI30 dialects as fields of the point table (reference section 6)."""

from collections.abc import Mapping

from . import pi30_live as live, pi30_settings as settings
from .blocks import Block
from .fields import Fields
from .manner import Manner

PARSERS: Mapping[Block, settings.Parser] = {
    Block.STATUS: live.status,
    Block.SECOND: live.second,
    Block.MODE: live.mode,
    Block.RATINGS: settings.ratings,
    Block.FLAGS: settings.flags,
    Block.WARNINGS: live.warnings,
    Block.EQUALIZATION: settings.equalization,
    Block.CHARGER: live.charger,
    Block.BMS: live.bms,
    Block.PARALLEL: live.parallel,
    Block.PARALLEL_SECOND: live.parallel_second,
    Block.PARALLEL_FEED: live.parallel_feed,
    Block.PV_TOTAL: settings.counter("pv_energy_total"),
    Block.PV_DAY: settings.counter("pv_energy_today"),
    Block.PV_MONTH: settings.counter("pv_energy_month"),
    Block.PV_YEAR: settings.counter("pv_energy_year"),
    Block.LOAD_TOTAL: settings.counter("load_energy_total"),
    Block.LOAD_DAY: settings.counter("load_energy_today"),
    Block.LOAD_MONTH: settings.counter("load_energy_month"),
    Block.LOAD_YEAR: settings.counter("load_energy_year"),
    Block.CLOCK: settings.clock,
    Block.BATTERY_CONTROL: settings.battery_control,
    Block.CV_TIME: settings.cv_time,
    Block.STAGES: settings.stages,
    Block.OUTPUT_SCHEDULE: settings.told("output_priority_schedule"),
    Block.CHARGER_SCHEDULE: settings.told("charger_priority_schedule"),
    Block.OPERATION_HOURS: settings.told("operation_hours"),
    Block.OUTPUT_MODE: lambda parts, manner: {"output_mode": live.output_mode("".join(parts), manner)},
    Block.DEFAULTS: settings.defaults,
    Block.CHARGE_CURRENTS: settings.listed("charge_currents"),
    Block.UTILITY_CURRENTS: settings.listed("utility_currents"),
    Block.SOLAR_CURRENTS: settings.listed("solar_currents"),
    Block.MODEL_NAME: settings.told("model_name"),
    Block.MODEL_CODE: settings.told("model_code"),
    Block.FIRMWARE: settings.firmware("firmware"),
    Block.FIRMWARE_2: settings.firmware("charger_firmware"),
    Block.FIRMWARE_3: settings.firmware("panel_firmware"),
    Block.FIRMWARE_4: settings.firmware("charger_3_firmware"),
}
"""How each reply is read."""


def parse(block: Block, payload: str, manner: Manner) -> Fields:
    """The fields of one reply; raises ``BadAnswerError`` when it is not of the shape that this request has."""
    return PARSERS[block](payload.split(), manner)
