"""The benchmark's own part of the comparison of decoders: what it counts is what it says it counts."""

from benchmarks.voltronic.decoding import DIALECTS, answers, damaged, understood
from custom_components.local_solar.solarlink.voltronic.blocks import Block


def test_every_answer_of_the_simulated_inverters_is_understood() -> None:
    every = list(answers())
    assert {each.dialect for each in every} == set(DIALECTS.values())
    assert [(each.profile, each.command) for each in every if not understood(each)] == []


def test_no_answer_with_one_wrong_bit_is_believed() -> None:
    turned = damaged()
    whole = next(each for each in answers() if each.profile == turned[0].profile and each.block is Block.STATUS)
    assert len(turned) == 8 * (len(whole.data) - 2)
    assert all(each.data != whole.data for each in turned)
    assert not any(map(understood, turned))
