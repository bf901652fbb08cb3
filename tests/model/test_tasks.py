"""Inputs of tasks, by numbers that can be checked by hand."""

import pytest
import torch

from genae.errors import GenaeError
from genae.latent.draws import Draws
from genae.model.tasks import AnyOf, Denoise, Dequantise, InputForm, Keeping, Masking, Reconstruct, Suited, one_of, task_of
from genae_image.domain import Image


def test_salt_and_pepper_replaces_a_share_half_by_0_and_half_by_1():
    torch.manual_seed(0)
    target = torch.full((100, 1, 20, 20), 0.5)
    made = task_of({"name": "denoise", "kind": "salt-and-pepper", "share": 0.3}, Image())(target)
    for value, share in {0.0: 0.15, 1.0: 0.15, 0.5: 0.7}.items():
        assert (made == value).float().mean().item() == pytest.approx(share, abs=0.01)  # a standard error is .002
    assert torch.equal(Denoise(kind="salt-and-pepper", share=1.0)(target).unique(), torch.tensor([0.0, 1.0]))


def test_the_noise_of_the_lesson_has_its_mean_and_spread_before_it_is_clipped():
    torch.manual_seed(0)
    made = Denoise(sigma=0.1, mean=0.5)(torch.zeros(1, 100_000))
    assert made.mean().item() == pytest.approx(0.5, abs=0.002)
    assert made.std().item() == pytest.approx(0.1, abs=0.002)
    assert Denoise(sigma=0.5, mean=0.5)(torch.ones(2, 1000)).max() == 1


@pytest.mark.parametrize("levels, expected", [(2, [0, 0, 1, 1]), (3, [0, 0.5, 0.5, 1]), (5, [0, 0.25, 0.75, 1])])
def test_fewer_levels_are_the_nearest_of_those_evenly_apart(levels, expected):
    assert Dequantise(levels)(torch.tensor([0.0, 0.3, 0.7, 1.0])).tolist() == expected


def test_noise_is_each_examples_own():
    task, x = Denoise(kind="salt-and-pepper"), torch.rand(3, 1, 4, 4)
    with Draws([5, 6, 7]):
        together = task(x)
    with Draws([6]):
        assert torch.equal(task(x[1:2]), together[1:2])


def test_a_task_is_asked_what_it_can_by_its_protocols():
    assert not isinstance(Reconstruct(), Suited | InputForm | Masking | Keeping)
    with pytest.raises(GenaeError, match=r"task\.share must be above 0 and at most 1, not 1.5"):
        task_of({"name": "denoise", "share": 1.5}, Image())
    with pytest.raises(GenaeError, match=r"task\.levels must be at least 2"):
        task_of({"name": "dequantise", "levels": 1}, Image())


def test_each_example_is_given_one_of_several_tasks_equally_often():
    torch.manual_seed(0)
    task, x = task_of({"name": "any", "tasks": ["reconstruct", "dequantise"]}, Image()), torch.full((4000, 1, 2, 2), 0.4)
    made = task(x)
    assert (made == made[:, :, :1, :1]).all(), "an example has one task"
    assert (made[:, 0, 0, 0] == 0.4).float().mean().item() == pytest.approx(0.5, abs=0.03)  # a standard error is .008
    assert made.unique().tolist() == pytest.approx([1 / 3, 0.4])


def test_of_several_tasks_the_first_is_meant_unless_another_is_named():
    task = task_of({"name": "any", "tasks": ["dequantise", "reconstruct"]}, Image())
    assert isinstance(task, AnyOf)
    assert isinstance(one_of(task, "", "any"), Dequantise)
    assert isinstance(one_of(task, "reconstruct", "any"), Reconstruct)
    assert one_of(own := Denoise(), "denoise", "denoise") is own
    with pytest.raises(GenaeError, match=r"task 'grey'.*dequantise, reconstruct"):
        one_of(task, "grey", "any")
