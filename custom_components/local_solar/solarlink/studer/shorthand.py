"""Short words for the tables of points: what a flag, a state, a switch or a number of a Studer unit has in common."""

from collections.abc import Mapping
from typing import Any

from ..points import Access, Pace, Point, Quantity, Wear
from .address import StuderPoint, info, parameter
from .codec import Format


def value(kind: str, key: str, name: str, number: int, quantity: Quantity, unit: str, **more: Any) -> StuderPoint:
    """A measured number; ``factor`` turns what is on the wire into ``unit``."""
    factor = more.pop("factor", 1.0)
    return Point(
        key=key, name=name, unit_kind=kind, quantity=quantity, unit=unit, address=info(number, factor=factor), **more
    )


def flag(kind: str, key: str, name: str, number: int, quantity: Quantity = Quantity.FLAG, **more: Any) -> StuderPoint:
    """Something that is so or not, told by an enumeration in which 0 means no."""
    return Point(
        key=key, name=name, unit_kind=kind, quantity=quantity, address=info(number, form=Format.SHORT_ENUM), **more
    )


def state(kind: str, key: str, name: str, number: int, options: Mapping[int, str], **more: Any) -> StuderPoint:
    """One of several states."""
    return Point(
        key=key,
        name=name,
        unit_kind=kind,
        quantity=Quantity.STATE,
        options=options,
        address=info(number, form=Format.SHORT_ENUM),
        **more,
    )


def number(
    kind: str,
    key: str,
    name: str,
    parameter_number: int,
    quantity: Quantity,
    unit: str,
    limits: tuple[float, float, float],
    **more: Any,
) -> StuderPoint:
    """A numeric setting that is written to RAM; ``limits`` are minimum, maximum and step at 48 V and 230 V."""
    minimum, maximum, step = limits
    return Point(
        key=key,
        name=name,
        unit_kind=kind,
        quantity=quantity,
        unit=unit,
        address=parameter(parameter_number),
        pace=Pace.SLOW,
        access=Access.READ_WRITE,
        minimum=minimum,
        maximum=maximum,
        step=step,
        wear=Wear.RAM,
        **more,
    )


def switch(kind: str, key: str, name: str, parameter_number: int, **more: Any) -> StuderPoint:
    """A setting that is on or off, written to RAM."""
    return _setting(kind, key, name, Quantity.FLAG, parameter_number, Format.BOOL, **more)


def choice(
    kind: str, key: str, name: str, parameter_number: int, options: Mapping[int, str], **more: Any
) -> StuderPoint:
    """A setting that takes one of several values, written to RAM."""
    return _setting(kind, key, name, Quantity.STATE, parameter_number, Format.LONG_ENUM, options=options, **more)


def clock_time(kind: str, key: str, name: str, parameter_number: int, **more: Any) -> StuderPoint:
    """A time of day on the clock of the installation, written to RAM."""
    return _setting(kind, key, name, Quantity.TIME_OF_DAY, parameter_number, Format.INT32, **more)


def _setting(
    kind: str, key: str, name: str, quantity: Quantity, parameter_number: int, form: Format, **more: Any
) -> StuderPoint:
    return Point(
        key=key,
        name=name,
        unit_kind=kind,
        quantity=quantity,
        address=parameter(parameter_number, form),
        pace=Pace.SLOW,
        access=Access.READ_WRITE,
        wear=Wear.RAM,
        **more,
    )


def signal(kind: str, key: str, name: str, parameter_number: int, **more: Any) -> StuderPoint:
    """A command: writing 1 carries it out."""
    return Point(
        key=key,
        name=name,
        unit_kind=kind,
        quantity=Quantity.FLAG,
        address=parameter(parameter_number, Format.INT32),
        pace=Pace.ONCE,
        access=Access.PRESS,
        **more,
    )
