"""Errors of the library as errors of Home Assistant, with the sentence in the person's language."""

from homeassistant.exceptions import HomeAssistantError, ServiceValidationError

from .const import DOMAIN
from .solarlink.errors import (
    NeedsConsentError,
    NotWritableError,
    SolarError,
    UnknownPointError,
    ValueChoiceError,
    ValueKindError,
    ValueOrderError,
    ValueRangeError,
    ValueStepError,
)

_PERSONS_MISTAKES = (
    NeedsConsentError,
    NotWritableError,
    UnknownPointError,
    ValueChoiceError,
    ValueKindError,
    ValueOrderError,
    ValueRangeError,
    ValueStepError,
)


def translated[E: HomeAssistantError](error: SolarError, kind: type[E]) -> E:
    """``error`` as an exception of ``kind`` with a translated text."""
    return kind(translation_domain=DOMAIN, translation_key=error.key, translation_placeholders=dict(error.details))


def action_error(error: SolarError, name: str) -> HomeAssistantError:
    """What an action on the setting ``name`` raises: the person's mistake is told from a failure of the device."""
    raised = translated(error, ServiceValidationError if isinstance(error, _PERSONS_MISTAKES) else HomeAssistantError)
    if raised.translation_placeholders and "point" in raised.translation_placeholders:
        # The library knows the English name only.
        raised.translation_placeholders["point"] = name
    return raised
