"""Faults and warnings of every device as problem sensors, one text and one event (reference section 6)."""

from ..points import Quantity
from .alarms import GROUPS, alarms_of
from .registers import Kind
from .source import ConextPoint, Make, alarm_registers, made

EVENT = "fault_or_warning"
KINDS = {0: "fault_begun", 1: "fault_over", 2: "warning_begun", 3: "warning_over"}
"""What can happen; the details say which alarm it is."""


def group_key(group: str) -> str:
    """The key of the point that shows one group of alarms."""
    return f"alarm_{group}"


def _of(kind: Kind) -> tuple[ConextPoint, ...]:
    registers = alarm_registers(kind)
    groups = {alarm.group for alarm in alarms_of(kind)}
    return (
        made(kind, Make.FAULT, registers, "fault", "Fault", Quantity.PROBLEM, enabled=True),
        made(kind, Make.WARNING, registers, "warning", "Warning", Quantity.PROBLEM, enabled=True),
        made(
            kind,
            Make.ALARMS,
            registers,
            "active_alarms",
            "Active alarms",
            Quantity.TEXT,
            enabled=True,
            diagnostic=True,
        ),
        made(kind, Make.ALARMS, registers, EVENT, "Fault or warning", Quantity.EVENT, options=KINDS, enabled=True),
        *(
            made(
                kind,
                Make.GROUP,
                registers,
                group_key(group),
                name,
                Quantity.PROBLEM,
                group=group,
                diagnostic=True,
            )
            for group, name in GROUPS.items()
            if group in groups
        ),
    )


POINTS: tuple[ConextPoint, ...] = tuple(point for kind in Kind if alarms_of(kind) for point in _of(kind))
