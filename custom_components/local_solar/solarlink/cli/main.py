"""Arguments in, exit status out.

Exit status: 0 everything read, 1 something failed, 2 bad use, 3 the link is not reachable. What went wrong goes to
standard error as one sentence.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence

from .. import __version__
from ..errors import BadAddressError, BadAnswerError, LinkError, SolarError, UnknownPointError
from ..family import NAMES
from . import commands
from .commands import PASSWORD

OK, SOME_FAILED, BAD_USE, NO_LINK = 0, 1, 2, 3


def parser() -> argparse.ArgumentParser:
    """The grammar of the command line."""
    top = argparse.ArgumentParser(prog="solarlink", description=__doc__.splitlines()[0] if __doc__ else "")
    top.description = "Read and set solar inverters, batteries and meters in the house, without any cloud."
    top.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    actions = top.add_subparsers(dest="action", required=True, metavar="ACTION")

    def action(name: str, text: str, *, link: bool = True) -> argparse.ArgumentParser:
        sub = actions.add_parser(name, help=text, description=text)
        sub.add_argument("family", choices=NAMES, metavar="FAMILY", help=", ".join(NAMES))
        if link:
            sub.add_argument("link", metavar="LINK", help="/dev/ttyUSB0, tcp://host:port, listen://0.0.0.0:4001, ...")
            sub.add_argument(
                "--user", metavar="NAME", help=f"for devices that ask; the password is read from {PASSWORD}"
            )
            sub.add_argument(
                "--set",
                action="append",
                default=[],
                metavar="NAME=VALUE",
                help="an option of the family, as in its guide",
            )
            sub.add_argument("--wait", type=float, default=60.0, metavar="S", help="seconds to wait for the link")
        sub.add_argument("--json", action="store_true", help="print one JSON object")
        return sub

    action("discover", "List the units of an installation with model, serial number and firmware.")
    read = action("read", "Read values; without POINT all of them.")
    read.add_argument("points", nargs="*", metavar="POINT", help="key or number of a value")
    read.add_argument("--unit", metavar="U", help="only this unit (as listed by discover)")
    read.add_argument("--watch", type=_seconds, metavar="S", help="read again every S seconds until interrupted")
    write = action("write", "Set a value: in the device's RAM where it has one.")
    write.add_argument("point", metavar="POINT")
    write.add_argument("value", metavar="VALUE")
    write.add_argument("--unit", metavar="U", help="the unit to set; needed when several have this value")
    write.add_argument("--permanent", action="store_true", help="write flash memory, which wears out")
    write.add_argument("--yes", action="store_true", help="I know what this does")
    command = action("command", "Send a command in the device's own words and print its answer.")
    command.add_argument("text", metavar="TEXT", help="for example QPIGS")
    command.add_argument("--yes", action="store_true", help="I know what this does; without it only queries are sent")
    decode = action("decode", "Decode a recorded answer from standard input; no device is needed.", link=False)
    decode.add_argument("what", metavar="WHAT", help="what the input is, for example frame")
    for name, (placeholder, text) in commands.DECODE_OPTIONS.items():
        decode.add_argument(f"--{name}", metavar=placeholder, help=text)
    return top


def _seconds(text: str) -> float:
    value = float(text)
    if not 1 <= value <= 86400:
        raise argparse.ArgumentTypeError("1 to 86400 seconds")
    return value


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    try:
        chosen = parser().parse_args(arguments)
    except SystemExit as err:
        return err.code if isinstance(err.code, int) else BAD_USE
    try:
        return _run(chosen)
    except KeyboardInterrupt:
        return OK
    except BrokenPipeError:
        return OK
    except (BadAddressError, UnknownPointError, commands.UsageError) as err:
        print(f"solarlink: {err}", file=sys.stderr)
        return BAD_USE
    except LinkError as err:
        print(f"solarlink: {err}", file=sys.stderr)
        return NO_LINK
    except BadAnswerError as err:
        print(f"solarlink: {err}", file=sys.stderr)
        return SOME_FAILED
    except SolarError as err:
        print(f"solarlink: {err}", file=sys.stderr)
        return SOME_FAILED


def _run(chosen: argparse.Namespace) -> int:
    if chosen.action == "decode":
        options = {name: told for name in commands.DECODE_OPTIONS if (told := getattr(chosen, name)) is not None}
        complete = commands.decode(chosen.family, chosen.what, sys.stdin.read(), options, as_json=chosen.json)
    else:
        complete = asyncio.run(commands.with_link(chosen))
    return OK if complete else SOME_FAILED
