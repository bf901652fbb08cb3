"""Windows of which the second part is to be made."""

import pytest
import torch

from genae.errors import GenaeError
from genae.model.tasks import Keeping, task_of
from genae_music.domain import Music

KINDS = {"melody": (32,), "drums": (32,), "full kit": (32, 61), "trio": (3, 32)}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share, given", [(0.5, 16), (0.75, 24)])
def test_the_rest_holds_nothing_new(kind, share, given):
    domain = Music(kind="drums", kit="full") if kind == "full kit" else Music(kind=kind)
    assert domain.event == KINDS[kind]
    target = torch.randint(1, 9, (4, *domain.event)).float()
    made, axis = task_of({"name": "complete", "share": share}, domain)(target), 2 if kind == "trio" else 1
    assert torch.equal(made.narrow(axis, 0, given), target.narrow(axis, 0, given))
    assert not made.narrow(axis, given, 32 - given).any()
    assert target.all(), "which stays as it is"
    task = task_of({"name": "complete", "share": share}, domain)
    assert isinstance(task, Keeping)
    assert torch.equal(task.kept(made), made > 0)


def test_some_must_be_given():
    with pytest.raises(GenaeError, match=r"task\.share 0\.01 gives 0 of the 32 steps; some must be given, and some not"):
        task_of({"name": "complete", "share": 0.01}, Music())
