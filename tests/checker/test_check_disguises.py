"""A known mistake keeps its name behind guards, in float32, and with another constant."""

import numpy as np
import pytest
from disguises import CONSTANTS, MASKS, NO_EPS, disguised, in_float32, masked, widened

from bnlib.check.constants import fit_constant, shortest
from bnlib.check.diagnosis import diagnose
from bnlib.check.exercises import EXERCISES
from bnlib.check.library import MISCONCEPTIONS

every_exercise = pytest.mark.parametrize("name", EXERCISES)
EQUALS = {
    "channel_stats/mean-square-minus-square-mean": "channel_stats/cancellation"
}  # where it is clamped
EXCEPT = {  # a clamp that changes the mean; 1e-5, which float32 code may be off by
    ("channel_stats/variance-and-mean-swapped", "var clamped"),
    ("channel_stats/variance-and-mean-swapped", "var masked"),
    ("channel_stats/eps-in-the-variance", "float32"),
    ("channel_stats/eps-in-the-variance", "float32 inside"),
}


@every_exercise
def test_a_mistake_keeps_its_name_behind_guards_and_in_float32(name):
    lost = []
    for id, disguise, function in disguised(name):
        found = diagnose(name, function).misconceptions
        if found not in ([id], [EQUALS.get(id)]) and (id, disguise) not in EXCEPT:
            lost.append((id, disguise, found))
    assert lost == []


@every_exercise
def test_guards_and_float32_do_no_harm_to_right_code(name):
    for mask in MASKS[name]:
        assert diagnose(name, masked(name, {}, mask)).ok, mask
    for cast in (in_float32, widened):
        assert diagnose(name, cast(EXERCISES[name].with_steps({}))).ok, cast.__name__


@pytest.mark.parametrize(("name", "id", "number", "steps"), CONSTANTS)
def test_a_fixed_number_is_told(name, id, number, steps):
    report = diagnose(name, EXERCISES[name].with_steps(steps))
    assert report.misconceptions == [f"{name}/{id}"]
    assert f" {number} " in report.text.replace("weight ", "").replace(f"{number};", f" {number} ;")


@pytest.mark.parametrize(("name", "steps"), NO_EPS)
def test_an_eps_of_0_is_missing(name, steps):
    function = EXERCISES[name].with_steps(steps)
    assert diagnose(name, function).misconceptions == [f"{name}/eps-missing"]


def test_a_constant_is_found_beside_another_mistake():
    function = EXERCISES["forward"].with_steps({"std": "np.sqrt(var + 0.001)", "y": "scaled"})
    report = diagnose("forward", function)
    assert set(report.misconceptions) == {"forward/eps-fixed", "forward/beta-missing"}
    assert "a fixed 0.001 is used" in report.text


@pytest.mark.parametrize("entry", [e for e in MISCONCEPTIONS.values() if e.constant], ids=lambda e: e.id)
def test_a_constant_stands_in_the_sentence_and_in_the_steps(entry):
    assert entry.constant in entry.says
    assert all(entry.constant in code for code in entry.steps.values())
    assert entry.with_constant(float(entry.constant)).steps.keys() == entry.steps.keys()
    assert entry.with_constant(0.75).says == entry.says.replace(entry.constant, "0.75")


def test_a_number_has_no_more_digits_than_the_results_show():
    assert shortest(0.00100004, 1e-7) == 0.001
    assert shortest(0.00100004, 1e-9) == 0.00100004


def test_a_constant_that_does_not_show_is_not_found():
    got = np.array([1.0, 2.0])
    assert fit_constant(lambda value: got * 1.0, got, 0.1) is None
    assert fit_constant(lambda value: None, got, 0.1) is None
    assert fit_constant(lambda value: value * np.array([1.0, -1.0]), got, 0.1) is None
    assert fit_constant(lambda value: value * got, 0.3 * got, 0.1) == 0.3


@pytest.mark.parametrize("factor", [1e300, np.inf])
def test_results_beyond_all_numbers_are_wrong_and_do_not_warn(factor):
    assert not diagnose("forward", lambda x, gamma, beta, eps: x * x.dtype.type(factor)).ok
