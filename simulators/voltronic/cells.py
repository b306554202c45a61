"""The electrochemistry of a lead-acid bank: voltage from current and state of charge, and back.

A charging current does two things: it charges the plates, and it splits water. What the plates take at a given voltage
falls as they fill, which is the tail current of an absorption; what gassing takes grows exponentially with the voltage,
whatever the state of charge, which is why a full battery still draws a little.
"""

import math

REFERENCE_VOLTAGE = 48.0
REFERENCE_CAPACITY = 400.0
EMPTY_VOLTAGE = 47.6
"""Rest voltage of an empty 48 V bank."""
FULL_RISE = 3.4
"""Rise of the rest voltage from empty to full, V."""
OHMIC_RESISTANCE = 0.010
"""Resistance of 400 Ah that follows the current at once, ohm."""
CHARGE_POLARISATION = 0.020
"""Slow resistance of 400 Ah when charging, ohm, divided by the share that is missing."""
DISCHARGE_POLARISATION = 0.004
"""Slow resistance of 400 Ah when discharging, ohm, divided by the share that is left."""
POLARISATION_SECONDS = 300.0
"""Time in which the slow part of the voltage follows the current."""
GASSING_VOLTAGE, GASSING_SLOPE, GASSING_SHARE = 54.0, 1.8, 0.0006
"""At 54 V gassing takes 0.06 % of the capacity as current; e times as much each 1.8 V higher."""
LEAST_SHARE = 1e-6
"""Nearest approach to full and to empty, so that no resistance becomes infinite."""


class LeadAcidBattery:
    """A flooded lead-acid bank; currents in A, positive when charging (the charger's view).

    ``nominal`` is 12, 24 or 48 V, ``capacity`` in Ah, ``state_of_charge`` a share from 0 to 1.
    """

    def __init__(self, nominal: float = 48.0, capacity: float = 400.0, state_of_charge: float = 0.7) -> None:
        """Start at rest."""
        self.nominal = nominal
        self.capacity = capacity
        self.state_of_charge = state_of_charge
        self.scale = nominal / REFERENCE_VOLTAGE
        self._size = self.scale * REFERENCE_CAPACITY / capacity
        self._ohmic = OHMIC_RESISTANCE * self._size
        self.polarisation = 0.0
        """Slow part of the voltage, V."""
        self.voltage = self.rest_voltage
        self.gassing_ah = 0.0
        """Charge that has split water so far, Ah."""

    @property
    def rest_voltage(self) -> float:
        """Return the voltage after hours without current."""
        return self.scale * (EMPTY_VOLTAGE + FULL_RISE * self.state_of_charge)

    def gassing_current(self, voltage: float) -> float:
        """Return the current that gassing takes at a voltage, A."""
        return GASSING_SHARE * self.capacity * math.exp((voltage / self.scale - GASSING_VOLTAGE) / GASSING_SLOPE)

    def current_at(self, voltage: float, seconds: float) -> float:
        """Return the current that holds ``voltage`` through the next step, A; negative when it discharges."""
        start, slow = self._start(seconds)
        above = voltage - start
        resistance = self._ohmic + slow * self._polarisation_resistance(charging=above > 0)
        return above / resistance + self.gassing_current(voltage)

    def voltage_at(self, current: float, seconds: float) -> float:
        """Return the voltage at the end of the next step with ``current``, V."""
        start, slow = self._start(seconds)
        charging = current > self.gassing_current(start)
        resistance = self._ohmic + slow * self._polarisation_resistance(charging=charging)
        voltage = start + current * resistance
        if charging:
            # No more than the whole current can gas; from there Newton's method falls onto the answer.
            share = current / (GASSING_SHARE * self.capacity)
            voltage = min(voltage, self.scale * (GASSING_VOLTAGE + GASSING_SLOPE * math.log(share)))
        for _ in range(30):
            gassing = self.gassing_current(voltage)
            error = voltage - start - (current - gassing) * resistance
            step = error / (1.0 + gassing / (GASSING_SLOPE * self.scale) * resistance)
            voltage -= step
            if abs(step) < 1e-9:
                break
        return voltage

    def step(self, current: float, seconds: float) -> None:
        """Let ``current`` flow for a step."""
        _, slow = self._start(seconds)
        voltage = self.voltage_at(current, seconds)
        gassing = self.gassing_current(voltage)
        plates = current - gassing
        resistance = self._polarisation_resistance(charging=plates > 0)
        self.polarisation = self.polarisation * (1.0 - slow) + slow * plates * resistance
        hours = seconds / 3600.0
        self.gassing_ah += gassing * hours
        share = self.state_of_charge + plates * hours / self.capacity
        self.state_of_charge = min(1.0, max(0.0, share))
        self.voltage = voltage

    def _start(self, seconds: float) -> tuple[float, float]:
        """Return the voltage without current at the end of a step, and the share by which the slow part follows.

        The slow part is taken implicitly, so that no step length makes it oscillate.
        """
        ratio = seconds / POLARISATION_SECONDS
        slow = ratio / (1.0 + ratio)
        return self.rest_voltage + self.polarisation * (1.0 - slow), slow

    def _polarisation_resistance(self, *, charging: bool) -> float:
        if charging:
            return CHARGE_POLARISATION * self._size / max(LEAST_SHARE, 1.0 - self.state_of_charge)
        return DISCHARGE_POLARISATION * self._size / max(LEAST_SHARE, self.state_of_charge + 0.05)
