"""bnlib.data's network and lines of text: its makers' numbers, and what other software computes of them."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from helpers import assert_same

import bnlib.data
from bnlib import BatchNorm
from bnlib.data import load, load_direction_network, load_text_lines
from bnlib.gradcheck import max_error
from bnlib.network import Conv2d, SqueezeExcitation, fold_all, parts_of, recalibrate

FILES = {
    "text_direction.npz": "58e1064f4c62f9d1d02501d7342636df70b7d6ff08ab95fa4fb69859672ba72a",
    "text_lines.npz": "5ffd5176b387cdaa3700af7c3f575dafa80d4bad71cbc0754482f0a5761a6413",
}
LINES = [0, 1, 2, 3, 96, 97, 98, 99]  # four lines upright, and the same four turned
LOGITS = np.array([  # of onnxruntime 1.32.0, with nothing fused: tools/make_text_direction.py prints them
    [12.151679039001465, -12.460290908813477], [5.338161945343018, -5.597629070281982],
    [11.908860206604004, -12.197587013244629], [2.9534800052642822, -3.1004059314727783],
    [-18.623659133911133, 17.74007225036621], [-4.080844879150391, 3.651401996612549],
    [-14.641096115112305, 13.93059253692627], [-0.9428200125694275, 0.730525016784668],
])  # fmt: skip
# In float32 through 53 convolutions. Of float64, over all 192 lines, onnxruntime is off by 2e-5 at most and
# this package by 1e-5, where logits reach 23; of these eight lines onnxruntime by 7e-6.
EXACT, CLOSE = 1e-5, 2e-5


def lines(dtype=np.float32):
    return load_text_lines().both_ways()[0][LINES].astype(dtype)


def off(logits):
    return np.abs(logits - LOGITS).max()


@pytest.mark.parametrize("name", FILES)
def test_the_files_are_those_that_were_looked_at(name):
    content = (Path(bnlib.data.__file__).parent / name).read_bytes()
    assert hashlib.sha256(content).hexdigest() == FILES[name]


def test_the_logits_are_those_of_onnxruntime():
    network, x = load_direction_network(), lines()
    assert off(network(x)) < CLOSE
    folded, folds = fold_all(network)
    assert (len(folds.folded), folds.left, folded.batch_norms()) == (35, {}, [])
    assert off(folded(x)) < CLOSE
    exact, x = load_direction_network(np.float64), lines(np.float64)
    y = exact(x)
    assert off(y) < EXACT
    np.testing.assert_allclose(fold_all(exact)[0](x), y, rtol=1e-12)  # roundings of 53 layers


def test_a_wrong_eps_or_slope_would_be_seen():
    """The smallest mistakes there are: eps of Keras, and the hard sigmoid of torch."""
    for attribute, value in (("eps", 1e-3), ("slope", 1 / 6)):
        network = load_direction_network()
        for part in parts_of(network):
            if hasattr(part, attribute):
                setattr(part, attribute, value)
        assert off(network(lines())) > 1000 * CLOSE


def test_what_it_is_made_of():
    network = load_direction_network()
    kinds = [type(part) for part in parts_of(network)]
    assert (kinds.count(Conv2d), kinds.count(BatchNorm), kinds.count(SqueezeExcitation)) == (35, 35, 9)
    learned = sum(getattr(*one).size for one in network.parameters())
    assert learned + sum(2 * norm.num_features for norm in network.batch_norms()) == 133628
    assert {getattr(*one).dtype for one in network.parameters()} == {np.dtype(np.float32)}
    assert not any(part.training for part in (network, *parts_of(network)))
    assert sum(array.size for array in load("text_direction.npz").values()) == 133628


def test_values_are_those_of_the_file():
    network, arrays = load_direction_network(), load("text_direction.npz")
    first, norm, *_ = network.parts
    assert_same(first.weight, arrays["conv1/weight"])
    assert_same(norm.running_var, arrays["conv1/running_var"])
    assert_same(network.parts[-1].weight, arrays["fc/weight"])
    gate = next(part for part in parts_of(network) if isinstance(part, SqueezeExcitation)).gate
    assert_same(gate.parts[1].weight.T[:, :, None, None], arrays["conv2_se_1/weight"])
    network.parts[0].weight[:] = 0
    assert load_direction_network().parts[0].weight.any()


def test_the_lines():
    found = load_text_lines()
    assert (found.images.shape, found.images.dtype, found.text.shape) == (
        (96, 1, 48, 192),
        np.float32,
        (96,),
    )
    assert (found.images.min(), found.images.max()) == (0, 255)
    x, labels = found.both_ways()
    assert (x.shape, x.dtype, x.min(), x.max()) == ((192, 3, 48, 192), np.float32, -1, 1)
    assert_same(labels, np.repeat([0, 1], 96))
    assert_same(x[100, 1], x[4, 2, ::-1, ::-1])
    assert_same(x[4, 0], found.images[4, 0] / np.float32(127.5) - 1)


def test_it_is_right_about_them():
    x, labels = load_text_lines().both_ways()
    network = load_direction_network()
    right = [network(x[i : i + 16]).argmax(axis=1) == labels[i : i + 16] for i in range(0, 192, 16)]
    assert np.mean(right) == 1


def test_the_lines_are_what_the_script_draws():
    """But for the rasteriser of another version of FreeType, and of greys that are cut to 16."""
    pytest.importorskip("matplotlib")
    pytest.importorskip("PIL")
    import make_text_lines

    arrays, found = load("text_lines.npz"), load_text_lines()
    for place in range(0, 96, 8):
        drawn = make_text_lines.draw(str(found.text[place]), int(arrays["font"][place]))
        assert np.abs(drawn - found.images[place, 0]).mean() < 17


def test_its_gradient_is_that_of_differences():
    """In a small corner of the first image: the network has kinks, and a difference may step over one."""
    network, x = load_direction_network(np.float64), lines(np.float64)[:1]
    dy = np.random.default_rng(0).normal(size=(1, 2))

    def of_corner(corner):
        moved = x.copy()
        moved[:, :, 20:22, 30:32] = corner
        return network(moved)

    network(x)
    dx = network.backward(dy)[:, :, 20:22, 30:32]
    assert max_error(of_corner, x[:, :, 20:22, 30:32], dy, dx) < 1e-6


def test_recalibrated_on_one_batch_it_computes_what_training_mode_does():
    network, twin, x = (
        load_direction_network(np.float64),
        load_direction_network(np.float64),
        lines(np.float64),
    )
    recalibrate(network, [x], one_pass=True)
    np.testing.assert_allclose(network(x), twin.train()(x), rtol=1e-10)
