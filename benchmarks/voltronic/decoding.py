"""What each client makes of answers: how many it understands, how many damaged ones it believes, and how fast it is."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from custom_components.local_solar.solarlink.errors import SolarError
from custom_components.local_solar.solarlink.voltronic.blocks import Block, Dialect
from custom_components.local_solar.solarlink.voltronic.codec import FrameReader
from custom_components.local_solar.solarlink.voltronic.manner import Manner
from custom_components.local_solar.solarlink.voltronic.queries import has_word, word
from custom_components.local_solar.solarlink.voltronic.replies import fields_of
from simulators.voltronic.frames import frame
from simulators.voltronic.profile import FOLDER, Profile, load

from . import peers

DIALECTS = {dialect.value: dialect for dialect in Dialect}
PROTOCOLS = {Dialect.PI30: "pi30", Dialect.PI30MAX: "pi30max", Dialect.PI41: "pi41", Dialect.PI18: "pi18"}
"""The other client's name of each dialect."""
ASKED = (Block.STATUS, Block.MODE, Block.SECOND, Block.WARNINGS, Block.RATINGS, Block.FLAGS, Block.EQUALIZATION)
DAMAGED = "max_8k_48v"
"""The profile whose status answer is damaged bit by bit."""
COUNT = 2000


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of a simulated inverter."""

    profile: str
    dialect: Dialect
    block: Block
    data: bytes

    @property
    def command(self) -> str:
        """The query as the other client calls it."""
        text = word(self.dialect, self.block)
        return text[5:] if self.dialect is Dialect.PI18 else text


def answers() -> Iterator[Answer]:
    """The answers to what is asked most, of every profile whose dialect both clients speak."""
    for path in sorted(FOLDER.glob("*.json")):
        profile = load(path.stem)
        dialect = DIALECTS.get(profile.family)
        if dialect is None:
            continue
        for block in ASKED:
            if has_word(dialect, block) and (text := _text(profile, dialect, block)):
                yield Answer(path.stem, dialect, block, frame(text))


def _text(profile: Profile, dialect: Dialect, block: Block) -> str:
    reply = profile.replies.get(word(dialect, block), "")
    return reply if not reply or reply.startswith(("(", "^")) else f"({reply}"


def understood(answer: Answer) -> bool:
    """Whether our decoder finds values in that answer."""
    frames = FrameReader().feed(answer.data)
    try:
        return len(frames) == 1 and bool(fields_of(answer.block, frames[0], Manner(dialect=answer.dialect)))
    except SolarError:
        return False


def damaged() -> list[Answer]:
    """The status answer of one inverter with every single bit between its first and its last byte turned."""
    whole = next(each for each in answers() if each.profile == DAMAGED and each.block is Block.STATUS)
    turned = []
    for index in range(1, len(whole.data) - 1):
        for bit in range(8):
            data = bytearray(whole.data)
            data[index] ^= 1 << bit
            turned.append(Answer(whole.profile, whole.dialect, whole.block, bytes(data)))
    return turned


def _ours_per_second(answer: Answer) -> float:
    started = time.perf_counter()
    for _ in range(COUNT):
        understood(answer)
    return COUNT / (time.perf_counter() - started)


def _theirs(asked: list[Answer]) -> int | None:
    """How many of these answers the other client takes for good."""
    taken = 0
    for dialect in dict.fromkeys(each.dialect for each in asked):
        frames = [(each.command, each.data.hex()) for each in asked if each.dialect is dialect]
        result = peers.ask("decode", protocol=PROTOCOLS[dialect], frames=frames)
        if result is None:
            return None
        taken += sum(result["taken"])
    return taken


def print_table() -> None:
    """Decode everything with both clients."""
    good, bad = list(answers()), damaged()
    status = next(each for each in good if each.profile == DAMAGED and each.block is Block.STATUS)
    profiles = len({each.profile for each in good})
    print(f"\nDecoding: {len(good)} answers of {profiles} inverters; {len(bad)} times one answer with one bit turned\n")
    print("| client | answers understood | damaged answers believed | status answers per second |")
    print("|---|--:|--:|--:|")
    ours = (sum(map(understood, good)), sum(map(understood, bad)))
    print(f"| Local Solar | {ours[0]} of {len(good)} | {ours[1]} of {len(bad)} | {_ours_per_second(status):.0f} |")
    theirs = _theirs(good)
    if theirs is None:
        print(f"| {peers.name()} | not installed | | |")
        return
    speed = peers.ask(
        "speed", protocol=PROTOCOLS[status.dialect], command=status.command, frame=status.data.hex(), count=COUNT
    )
    assert speed is not None
    believed = _theirs(bad)
    per_second = f"{speed['per_second']:.0f}"
    print(f"| {peers.name()} | {theirs} of {len(good)} | {believed} of {len(bad)} | {per_second} |", flush=True)
