"""The words of each dialect: which request brings which block, and which of them a unit is asked for once."""

from collections.abc import Mapping
from datetime import datetime

from .blocks import Block, Dialect
from .codec import pi18

_PI30: Mapping[Block, str] = {
    Block.STATUS: "QPIGS",
    Block.SECOND: "QPIGS2",
    Block.MODE: "QMOD",
    Block.CHARGER: "Q1",
    Block.WARNINGS: "QPIWS",
    Block.PV_TOTAL: "QET",
    Block.LOAD_TOTAL: "QLT",
    Block.PV_DAY: "QED%Y%m%d",
    Block.PV_MONTH: "QEM%Y%m",
    Block.PV_YEAR: "QEY%Y",
    Block.LOAD_DAY: "QLD%Y%m%d",
    Block.LOAD_MONTH: "QLM%Y%m",
    Block.LOAD_YEAR: "QLY%Y",
    Block.PARALLEL: "QPGS#",
    Block.PARALLEL_SECOND: "QP2GS#",
    Block.PARALLEL_FEED: "Q2PGS#",
    Block.BMS: "QBMS",
    Block.RATINGS: "QPIRI",
    Block.FLAGS: "QFLAG",
    Block.EQUALIZATION: "QBEQI",
    Block.CLOCK: "QT",
    Block.BATTERY_CONTROL: "QBATCD",
    Block.CV_TIME: "QCVT",
    Block.STAGES: "QCST",
    Block.OUTPUT_SCHEDULE: "QOPPT",
    Block.CHARGER_SCHEDULE: "QCHPT",
    Block.OPERATION_HOURS: "QOPCHT",
    Block.OUTPUT_MODE: "QOPM",
    Block.DEFAULTS: "QDI",
    Block.CHARGE_CURRENTS: "QMCHGCR",
    Block.UTILITY_CURRENTS: "QMUCHGCR",
    Block.SOLAR_CURRENTS: "QMSCHGCR",
    Block.MODEL_NAME: "QMN",
    Block.MODEL_CODE: "QGMN",
    Block.FIRMWARE: "QVFW",
    Block.FIRMWARE_2: "QVFW2",
    Block.FIRMWARE_3: "QVFW3",
    Block.FIRMWARE_4: "QVFW4",
}
_PI18: Mapping[Block, str] = {
    Block.STATUS: "GS",
    Block.MODE: "MOD",
    Block.WARNINGS: "FWS",
    Block.PV_TOTAL: "ET",
    Block.PV_DAY: "ED%Y%m%d",
    Block.PV_MONTH: "EM%Y%m",
    Block.PV_YEAR: "EY%Y",
    Block.PARALLEL: "PGS#",
    Block.PARALLEL_RATINGS: "PRI#",
    Block.RATINGS: "PIRI",
    Block.FLAGS: "FLAG",
    Block.CLOCK: "T",
    Block.CHARGE_WINDOW: "ACCT",
    Block.SUPPLY_WINDOW: "ACLT",
    Block.DEFAULTS: "DI",
    Block.CHARGE_CURRENTS: "MCHGCR",
    Block.UTILITY_CURRENTS: "MUCHGCR",
    Block.FIRMWARE: "VFW",
}

OTHER_WORDS: Mapping[tuple[Dialect, Block], str] = {
    # The published text counts these words wrongly, and some units want them so (section 9).
    (Dialect.PI18, Block.WARNINGS): "^P005FWS",
    (Dialect.PI18, Block.CHARGE_WINDOW): "^P005ACCT",
    (Dialect.PI18, Block.SUPPLY_WINDOW): "^P005ACLT",
}
"""A second word to try where the first one is refused."""

COUNTED_BY_DATE = frozenset(
    {Block.PV_DAY, Block.PV_MONTH, Block.PV_YEAR, Block.LOAD_DAY, Block.LOAD_MONTH, Block.LOAD_YEAR}
)
"""Counters that are asked for with a date of the unit's own clock."""
PER_UNIT = frozenset({Block.PARALLEL, Block.PARALLEL_SECOND, Block.PARALLEL_FEED, Block.PARALLEL_RATINGS})
"""Blocks of one unit of a parallel group."""
SETTINGS = frozenset({Block.RATINGS, Block.FLAGS, Block.EQUALIZATION})
"""Blocks that are read again when the unit says that its configuration has changed (section 6.1)."""
SLOW_REPLIES = frozenset({Block.STATUS, Block.RATINGS, Block.DEFAULTS, Block.PARALLEL})
"""Long replies, which are given more time (section 4)."""

# Asked in this order, and of the dates only when the clock and the total are known.
_PROBED = (
    Block.FIRMWARE,
    Block.RATINGS,
    Block.MODE,
    Block.STATUS,
    Block.WARNINGS,
    Block.MODEL_NAME,
    Block.MODEL_CODE,
    Block.FLAGS,
    Block.CHARGE_CURRENTS,
    Block.UTILITY_CURRENTS,
    Block.SECOND,
    Block.EQUALIZATION,
    Block.PV_TOTAL,
    Block.LOAD_TOTAL,
    Block.CLOCK,
    Block.CHARGER,
    Block.BMS,
    Block.BATTERY_CONTROL,
    Block.OUTPUT_MODE,
    Block.DEFAULTS,
    Block.FIRMWARE_2,
    Block.FIRMWARE_3,
    Block.FIRMWARE_4,
    Block.OUTPUT_SCHEDULE,
    Block.CHARGER_SCHEDULE,
    Block.OPERATION_HOURS,
    Block.CHARGE_WINDOW,
    Block.SUPPLY_WINDOW,
)
_WITH_THREE_CHARGERS = (Block.CV_TIME, Block.STAGES, Block.SOLAR_CURRENTS)


def word(dialect: Dialect, block: Block, *, index: int = 0, at: datetime | None = None) -> str:
    """The text of a query: ``index`` is the number of a unit of a group, ``at`` the date that is asked for.

    Raises ``KeyError`` when the dialect has no word for it.
    """
    text = (_PI18 if dialect is Dialect.PI18 else _PI30)[block].replace("#", str(index))
    if at is not None:
        text = at.strftime(text)
    return pi18("P", text) if dialect is Dialect.PI18 else text


def has_word(dialect: Dialect, block: Block) -> bool:
    """Whether the dialect knows the block at all."""
    return block in (_PI18 if dialect is Dialect.PI18 else _PI30)


def probed(dialect: Dialect, *, three_chargers: bool = False) -> tuple[Block, ...]:
    """What a unit is asked for once, to learn what it knows (section 5)."""
    blocks = (*_PROBED, *_WITH_THREE_CHARGERS) if three_chargers else _PROBED
    return tuple(block for block in blocks if has_word(dialect, block))


def blocks_of_words() -> dict[str, tuple[Dialect, Block]]:
    """Every query by its text, for decoding recordings; units of a group are counted from 0 to 9."""
    found: dict[str, tuple[Dialect, Block]] = {}
    for dialect in (Dialect.PI30, Dialect.PI18):
        for block, text in (_PI18 if dialect is Dialect.PI18 else _PI30).items():
            for index in range(10) if "#" in text else (0,):
                plain = text.replace("#", str(index)).partition("%")[0]
                found[pi18("P", plain) if dialect is Dialect.PI18 and "%" not in text else plain] = (dialect, block)
    return found | {text: place for place, text in OTHER_WORDS.items()}
