"""From a frame to fields, whatever the dialect."""

from ..errors import BadAnswerError
from . import pi18, pi30
from .blocks import Block, Dialect
from .codec import Frame
from .fields import Fields
from .manner import Manner


def fields_of(block: Block, frame: Frame, manner: Manner) -> Fields:
    """The fields of one reply; raises ``BadAnswerError`` when the frame is no reply to this request."""
    if (frame.start == "^") != (manner.dialect is Dialect.PI18):
        raise BadAnswerError(device="The inverter", reason=f"{block.value}: a reply of another dialect")
    if manner.dialect is Dialect.PI18:
        return pi18.parse(block, frame.payload, manner)
    return pi30.parse(block, frame.payload, manner)
