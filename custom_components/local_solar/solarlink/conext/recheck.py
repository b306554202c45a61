"""Whether an installation that is known is still the one that answers (reference section 2)."""

from collections.abc import Callable

from ..client import Installation
from ..errors import DeviceAbsentError, NoAnswerError, SolarError, WrongDeviceError
from ..links.blocks import Fetched
from .access import Access
from .codec import text_of
from .facts import UnitFacts
from .identify import PRODUCT_ADDRESS, PRODUCT_WORDS, ProbeTiming
from .models import RANGES

INTERVAL = 3600.0
"""Seconds after which the identity of an installation is looked at again, though the link was never lost."""


class Recheck:
    """Compares what answers with what is known."""

    def __init__(self, access: Access, timing: ProbeTiming, clock: Callable[[], float]) -> None:
        """Nothing is asked before it is wanted."""
        self._access, self._timing, self._clock = access, timing, clock
        self._verified_at: float | None = None

    def forget(self) -> None:
        """The link was lost: somebody else may answer next."""
        self._verified_at = None

    def verified(self) -> None:
        """It was just found out who answers."""
        self._verified_at = self._clock()

    async def verify(self, installation: Installation) -> None:
        """See who answers, after every lost link and once an hour; raises ``WrongDeviceError`` and ``LinkError``."""
        if self._verified_at is not None and self._clock() - self._verified_at < INTERVAL:
            return
        for shown in installation.all_units:
            unit = self._access.facts.units[shown.id]
            if not unit.identity_register:
                continue
            register = self._access.map(unit)[unit.identity_register]
            link = self._access.link
            try:
                words = await link.read(unit.address, register.address, register.words, device=shown.name)
            except NoAnswerError, DeviceAbsentError:
                # Another unit may know who we are talking to.
                continue
            found = text_of(words, self._access.order)
            if found and found != unit.identity:
                link.drop()
                raise WrongDeviceError(expected=unit.identity, found=found, address=link.address)
            break
        self.verified()

    async def unchanged(self, installation: Installation) -> bool:
        """Whether every unit has the firmware that we know, and no further one has joined."""
        for shown in installation.all_units:
            unit = self._access.facts.units[shown.id]
            known = self._access.map(unit)
            keys = ["fga_number", "firmware_version"] + [unit.identity_register] * bool(unit.identity_register)
            if not self._access.layout(unit).blocks(known[key] for key in keys):
                # A gateway that does not answer for itself.
                continue
            try:
                fetched = await self._access.fetch(unit, [known[key] for key in keys], name=shown.name)
            except NoAnswerError, DeviceAbsentError:
                # It may be switched off for a while.
                continue
            if not self._agrees(unit, fetched):
                return False
        if await self._somebody_new():
            return False
        self.verified()
        return True

    def _agrees(self, unit: UnitFacts, fetched: Fetched) -> bool:
        expected = {"fga_number": unit.product_number, "firmware_version": unit.firmware}
        if unit.identity_register:
            expected[unit.identity_register] = unit.identity
        for key, text in expected.items():
            words = fetched.words.get(key)
            found = "" if words is None else text_of(words, self._access.order)
            # A firmware that is told as a number is not compared: it is no text.
            if words is not None and found != text and (found or key != "firmware_version"):
                return False
        return True

    async def _somebody_new(self) -> bool:
        """Whether a unit answers at the address that follows those we know in each class."""
        known = {unit.address for unit in self._access.facts.units.values()}
        for each in RANGES:
            ours = [address for address in known if each.first <= address <= each.last]
            following = max(ours, default=each.last) + 1
            if not ours or following > each.last:
                continue
            try:
                await self._access.link.read(
                    following, PRODUCT_ADDRESS, PRODUCT_WORDS, retries=0, timeout=self._timing.answer
                )
            except SolarError:
                continue
            return True
        return False
