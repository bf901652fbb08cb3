"""What a training left on disk: one state, of which everything else follows.

The training state is the truth; it holds the weights too. `weights.safetensors` is derived from it, right after it, and says by
the digest of its content whether it is that of this state. Where it is not, because a kill fell between the two, the state's
weights hold. The state before the last is kept: where the last is damaged, that one is gone on from.

    keep      training → training.previous, new → training, weights → weights: three renames, any of which may be the last
    newest    training, or else training.previous
    weights   weights.safetensors, or, where the state has others, the state's
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from genae.data.tensors import CONTENT, digest, finite, header, load_tensors, save_tensors
from genae.errors import GenaeError, remark
from genae.files import disk
from genae.learn.checkpoint import BEFORE, RECIPE, TRAINING, WEIGHTS, Of, under
from genae.recipe import recipe

OF_WEIGHTS, OF_RECIPE = "weights", "recipe"  # digests among the facts


class Saved(NamedTuple):
    """A training state as it was saved."""

    tensors: dict[str, Tensor]
    step: int
    facts: dict[str, str]

    def fact(self, name: str) -> float | None:
        """A number among the facts; None where it is missing, as in a run of before."""
        try:
            return float(self.facts[name])
        except (KeyError, ValueError):
            return None


def keep(folder: Path, state: Mapping[str, Tensor], weights: Mapping[str, Tensor], step: int, **facts: object) -> None:
    """The state, then its weights; the state before is kept."""
    facts |= {"step": step, OF_RECIPE: recipe.digest(folder / RECIPE)}
    own = digest(weights)
    save_tensors(folder / TRAINING, state, folder / BEFORE, **facts, **{OF_WEIGHTS: own})
    save_tensors(folder / WEIGHTS, weights, **facts)


def give(folder: Path, weights: Mapping[str, Tensor], step: int) -> str:
    """Weights alone, beside their recipe: a run to use, which cannot be gone on with."""
    return save_tensors(folder / WEIGHTS, weights, step=step, **{OF_RECIPE: recipe.digest(folder / RECIPE)})


def newest(folder: Path) -> Saved | None:
    """The last state that is whole, or None where nothing was saved yet.

    GenaeError where all are damaged, of another recipe, or missing although there are trained weights.
    """
    last, before = folder / TRAINING, folder / BEFORE
    if not (last.exists() or before.exists()):
        _require_untrained(folder)
        return None
    try:
        return load(last)
    except GenaeError as error:
        if not before.exists():
            raise
        saved, why = load(before), str(error)
    with disk(last):
        before.replace(last)
    remark(f"{why}; going on from step {saved.step}, the checkpoint before it")
    return saved


def _require_untrained(folder: Path) -> None:
    """GenaeError for trained weights without a training state: training anew would overwrite them."""
    if (folder / WEIGHTS).exists() and (step := load(folder / WEIGHTS).step):
        raise GenaeError(
            f"{folder} has weights of step {step}, but no {TRAINING} to go on from; restore that file, "
            "or train anew into another folder"
        )


def weights(folder: Path) -> Saved:
    """The weights to use, in the form of weights.safetensors. GenaeError for damaged or infinite ones, or of another recipe."""
    path = folder / WEIGHTS
    state = _facts(folder / TRAINING)
    if state is None:
        return load(path)
    if path.exists():
        facts = header(path).facts
        require_recipe(path, facts)
        if _agree(state, facts):
            return load(path)
    saved = load(folder / TRAINING)
    return saved._replace(tensors=best(saved.tensors))


def shapes(folder: Path) -> dict[str, tuple[int, ...]]:
    """Of the weights to use, without reading them."""
    if (folder / WEIGHTS).exists() or not (folder / TRAINING).exists():
        return header(folder / WEIGHTS).shapes
    return best(header(folder / TRAINING).shapes)


def _facts(path: Path) -> dict[str, str] | None:
    """None where there is no state, or one that can only be told on resuming: weights that are whole serve without it."""
    try:
        return header(path).facts
    except GenaeError:
        return None


def _agree(state: Mapping[str, str], weights: Mapping[str, str]) -> bool:
    """Whether weights are those of a state: by content, or by step in a run of before there were digests."""
    if OF_WEIGHTS in state:
        return state[OF_WEIGHTS] == weights.get(CONTENT)
    return state.get("step") == weights.get("step")


def best(state: Mapping[str, Of]) -> dict[str, Of]:
    """Of a training state the weights to use: their average, when there is one."""
    return under("average", state) or under("model/vae", state, ".")


def stale(folder: Path, saved: Saved) -> bool:
    """Whether weights.safetensors is not that of a state, and has to be written."""
    try:
        return not _agree(saved.facts, load_tensors(folder / WEIGHTS)[1])
    except GenaeError:
        return True


def step_of(folder: Path) -> int | None:
    """The step of the state on disk, None where there is none."""
    facts = _facts(folder / TRAINING) or _facts(folder / BEFORE)
    return None if facts is None else int(facts.get("step", 0))


def load(path: Path) -> Saved:
    """A file of weights or of a state, whole, finite and of the recipe beside it; or a GenaeError."""
    tensors, facts = load_tensors(path)
    finite({name: tensor for name, tensor in tensors.items() if not name.startswith("optimiser/")}, path)
    require_recipe(path, facts)
    step = facts.get("step", "")
    if not step.isdecimal():
        raise GenaeError(f"{path} does not say its step; restore the file or train again")
    return Saved(tensors, int(step), facts)


def require_recipe(path: Path, facts: Mapping[str, str]) -> None:
    """GenaeError where the recipe beside a file is another one than it was saved with."""
    own = path.parent / RECIPE
    if OF_RECIPE in facts and facts[OF_RECIPE] != recipe.digest(own):
        raise GenaeError(
            f"{path} does not fit its recipe: it was saved with another one than {own.name} is now; "
            "restore what was changed (only the recipe's `data` may be, after training)"
        )
