"""Stages as a recipe lists them; what they mean in a run is in genae/learn/stages.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated

from annotated_types import Ge, doc

from genae.errors import GenaeError
from genae.recipe.options import Spec, called
from genae.recipe.parts import completed


@dataclass(frozen=True)
class StageSpec:
    """Which players learn from when on, and what stays frozen; or the sampler that is fitted at the end."""

    start: Annotated[float, Ge(0), doc("the first step, or a share of the run if below 1")] = 0.0
    players: Annotated[Sequence[str], doc("those of the objective that learn; all if none is named")] = ()
    freeze: Annotated[Sequence[str], doc("modules of the model that do not change")] = ()
    sampler: Annotated[Spec | None, doc("a sampler with its options, fitted after the last step")] = None


def stages(listed: Sequence[object]) -> list[Spec]:
    """A recipe's list, every option filled in. GenaeError for what is no stage, and for a sampler that is not the last."""
    whole = []
    for number, stage in enumerate(listed):
        if not isinstance(stage, Mapping):
            raise GenaeError(f'a stage is an object such as {{"start": 0.5, "freeze": ["encoder"]}}, not {stage!r}')
        made = _of(stage)
        if made.sampler is not None and (number < len(listed) - 1 or made.start or made.players or made.freeze):
            raise GenaeError('a stage that fits a sampler is the last one and has nothing else: {"sampler": {"name": "flow"}}')
        whole.append(asdict(made) | ({} if made.sampler is None else {"sampler": completed("sampler", made.sampler)}))
    return whole


def of_training(listed: Sequence[Mapping[str, object]]) -> list[StageSpec]:
    """Those in which players learn."""
    return [made for made in map(_of, listed) if made.sampler is None]


def sampler_of(listed: Sequence[Mapping[str, object]]) -> Spec | None:
    """The sampler that the last stage fits, if one does."""
    return _of(listed[-1]).sampler if listed else None


def _of(stage: Mapping[str, object]) -> StageSpec:
    return called("stages", StageSpec, {"name": "stage", **stage})
