"""Replies of the console as text: where they end, what belongs to them, what they refuse (reference section 3)."""

import re
from datetime import datetime

from ..errors import BadAnswerError, NotSupportedError

DEVICE = "The battery"
END_OF_LINE = b"\r"
PAGER = b"other key to exit"
"""Last words of the line at which a long reply waits for Enter."""
PROMPT = re.compile(r"(?:pylon_debug|pylon|PYTES)>")
_PROMPT_BYTES = re.compile(rb"(?:pylon_debug|pylon|PYTES)>")
_END_BYTES = re.compile(rb"(?:^|[\r\n])[ \t]*\$\$(?=[ \t]*[\r\n]|$)")
_LINES = re.compile(r"[\r\n]+")
_COMMAND = re.compile(r"(?<!\w)(?:pwrsys|pwr|bat|info|stat|soh|log|time|help|unit|getpwr)(?:[ ]+\d{1,2})?(?!\d)")
_MARK = "@"
_END = "$$"
_SUCCESS = "Command completed successfully"
_REFUSALS = ("unknown command", "invalid command", "unccessfully", "unsuccessfully", "not support this command")


def has_ended(data: bytes, start: int = 0) -> bool:
    """Whether the end of a reply has come after ``start``: a line that is exactly ``$$``."""
    return _END_BYTES.search(data, start) is not None


def has_begun(data: bytes) -> bool:
    """Whether the reply itself has come, and not only the echo of the command."""
    return re.search(rb"[\r\n][ \t]*@[ \t]*[\r\n]", data) is not None


def has_prompt(data: bytes) -> bool:
    """Whether a prompt is in ``data``."""
    return _PROMPT_BYTES.search(data) is not None


def was_cut(data: bytes) -> bool:
    """Whether the prompt has come without the end of the reply."""
    mark = re.search(rb"[\r\n][ \t]*@[ \t]*[\r\n]", data)
    return mark is not None and not has_ended(data) and has_prompt(data[mark.end() :])


def text_of(data: bytes) -> str:
    """Bytes as text; noise is left out."""
    return data.decode("utf-8", "ignore").replace("\0", "")


def lines_of(text: str) -> list[str]:
    """The lines of a text in any mix of line ends, without blanks around them and without empty ones."""
    return [line.strip() for line in _LINES.split(text) if line.strip()]


def payload(text: str, command: str = "") -> list[str]:
    """The lines of a reply that tell something.

    With ``command`` the echo is checked, so that the reply to another program is not taken for ours. Raises
    ``NotSupportedError`` when the console refused the command, and ``BadAnswerError`` when the reply is not whole.
    """
    lines = [line for line in lines_of(text) if PAGER.decode() not in line]
    if _END not in lines:
        raise BadAnswerError(device=DEVICE, reason="the end of the reply is missing")
    lines = lines[: lines.index(_END)]
    if _MARK in lines:
        at = len(lines) - 1 - lines[::-1].index(_MARK)
        echo, lines = lines[:at], lines[at + 1 :]
    else:
        # One capture has no mark; then the reply begins after the echo.
        at = next((n for n, line in enumerate(lines) if _without_prompts(line) == command), -1)
        echo, lines = lines[: at + 1], lines[at + 1 :]
    if command and (heard := _other_command(" ".join(echo), command)):
        raise BadAnswerError(device=DEVICE, reason=f"a reply to '{heard}' instead of '{command}'")
    lines = [told for line in lines if (told := _without_prompts(line))]
    if _SUCCESS in lines:
        return lines[: lines.index(_SUCCESS)]
    for line in lines:
        if any(words in line.lower() for words in _REFUSALS):
            raise NotSupportedError(device=DEVICE, code=command or "?", reason=line[:80])
    raise BadAnswerError(device=DEVICE, reason="the console did not confirm that the reply is complete")


def _other_command(echo: str, command: str) -> str:
    """The command whose echo this is when it is another one; noise and lines of a log may stand around it."""
    heard = [" ".join(each.split()) for each in _COMMAND.findall(echo)]
    return "" if not heard or command in heard else heard[-1]


def foreign_end(data: bytes, command: str) -> int:
    """Where a whole reply to another program ends that stands before ours; 0 where there is none."""
    end = _END_BYTES.search(data)
    mark = re.search(rb"[\r\n][ \t]*@[ \t]*[\r\n]", data)
    if end is None or mark is None or mark.start() > end.start():
        return 0
    return end.end() if _other_command(text_of(data[: mark.start()]), command) else 0


def _without_prompts(line: str) -> str:
    return PROMPT.sub("", line).strip()


def moment(what: str, text: str, form: str = "%Y-%m-%d %H:%M:%S") -> datetime:
    """A time on the clock of the battery, which knows no time zone and shows that of the house.

    Raises ``BadAnswerError`` when there is no such time.
    """
    try:
        return datetime.strptime(text, form).astimezone()
    except (ValueError, OverflowError, OSError) as err:
        raise damaged(what, f"'{text[:30]}' is no time") from err


def damaged(what: str, reason: str) -> BadAnswerError:
    """The error for a reply of which something is wrong, so that nothing of it can be trusted."""
    return BadAnswerError(device=DEVICE, reason=f"{what}: {reason}")
