"""The model card and the previews of a run, finished or stopped: what it is, how it was made, what it scores, how to use it."""

from __future__ import annotations

import json
import platform
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from genae.data.examples import Examples
from genae.errors import GenaeError
from genae.files import write_text
from genae.learn import checkpoint, fitting
from genae.learn.metrics import read_metrics
from genae.recipe.describe import origin
from genae.recipe.options import Spec, named
from genae.recipe.stages import sampler_of
from genae.use import output, pictures

if TYPE_CHECKING:
    from genae.recipe.recipe import Recipe
    from genae.use.run import Run

PREVIEWS = 64  # samples
PLACE = ("step", "epoch", "seconds", "split")  # what metrics say beside their numbers


class Made(NamedTuple):
    """How a run came about."""

    seconds: float  # of training
    examples: int  # that it was trained on
    steps: int  # of the whole run
    split: str  # that it was validated on
    held: Examples  # the first of it


def write_card(run: Run, made: Made) -> None:
    """README.md and previews/ beside the weights."""
    shown = [preview_samples(run), _preview_reconstructions(run, made.held)]
    records = [r for r in read_metrics(run.folder) if r["split"] == "valid"]
    write_text(run.folder / checkpoint.CARD, _text(run, made, records[-1] if records else {}, [s for s in shown if s]))


def preview_samples(run: Run, n: int = PREVIEWS) -> str:
    """The line of a card that shows n new examples, whose picture is drawn; or why there are none."""
    if run.default_sampler is None:
        return ""  # a plain autoencoder without a fitted sampler
    spec = sampler_of(run.recipe.stages)
    if spec and not fitting.fits(run.folder, named("sampler", spec), run.vae):
        return "Samples come when the sampler is fitted, after the last step."
    try:
        events = run.sample(n, seed=0)
    except GenaeError as error:  # a prior that has a density alone, say
        return f"No samples: {error}."
    pictures.save(pictures.grid(output.drawn(run.domain, events)), run.folder / checkpoint.PREVIEWS / "samples.png")
    return "![samples](previews/samples.png)"


def _preview_reconstructions(run: Run, held: Examples) -> str:
    inputs, outputs = run.reconstruct(held)
    rows = output.drawn(run.domain, inputs) + output.drawn(run.domain, outputs)
    pictures.save(pictures.grid(rows, columns=len(inputs)), run.folder / checkpoint.PREVIEWS / "reconstructions.png")
    return "![reconstructions](previews/reconstructions.png)"


def _parts(recipe: Recipe) -> str:
    """A row for the parts that are not genae's own, or nothing."""
    named = "; ".join(f"{part} of {origin}" for part, origin in recipe.plugins.items())
    return f"| plugins | {named} |\n" if named else ""


def _machine(run: Run) -> str:
    """With its threads, since a seed gives one result for a given number: sums are in another order with others."""
    number = torch.get_num_threads()
    return f"{run.device.type} ({platform.machine()}) with {number} thread{'s' * (number > 1)}"


def _text(run: Run, made: Made, last: dict[str, Any], shown: list[str]) -> str:
    recipe = run.recipe
    rows = "\n".join(f"| {key} | {value} |" for key, value in traits(run).items())
    scores = "\n".join(f"| {key} | {value:.2f} nats |" for key, value in last.items() if key not in PLACE)
    return f"""# {run.folder.name}

{"A variational" if run.built.bounded else "A plain"} autoencoder trained with `genae train {origin(recipe)}` on {_data(run)}.

{chr(10).join(shown)}

| | |
|---|---|
{rows}
| third-party plugins | {"; ".join(f"{part}: {origin}" for part, origin in recipe.plugins.items()) or "none"} |
{_parts(recipe)}| training examples | {made.examples:,} |
| steps | {_steps(run, made)} |
| training time | {made.seconds:.0f} s on {_machine(run)}, torch {torch.__version__} |
{scores}

Scores are of the last validation ({made.split} split). Everything else is in `recipe.json`. To use it:

    {_next(run, made)}
    genae evaluate {run.folder.name}
"""


def _next(run: Run, made: Made) -> str:
    return run.next(run.folder.name) if run.step >= made.steps else f"genae train --resume {run.folder.name}"


def _steps(run: Run, made: Made) -> str:
    rest = "" if run.step >= made.steps else f" of {made.steps:,}: it is not finished, and goes on with --resume"
    return f"{run.step:,}{rest}"


def _began(run: Run) -> dict[str, str]:
    """Whose weights it began with."""
    of = run.recipe.ancestor
    return {"began with": f"`{of['run']}` (preset {run.recipe.preset}), weights {of['weights']}"} if of else {}


def traits(run: Run) -> dict[str, str]:
    """What a model is, by name."""
    return {
        **_began(run),
        "latent": str(run.vae.space),
        "weights": f"{sum(p.numel() for p in run.vae.parameters()):,}",
        "likelihood": _likelihood(run),
        "prior": _part(run.recipe.prior),
        "sampler": _samplers(run),
    }


def _data(run: Run) -> str:
    return f"`{run.recipe.data}`" if run.recipe.data else "examples that Python had"


def _part(spec: Spec) -> str:
    """`flow (kind maf, transforms 3)`."""
    options = ", ".join(f"{key} {json.dumps(value)}" for key, value in spec.items() if key != "name")
    return f"{spec['name']} ({options})" if options else str(spec["name"])


@torch.no_grad()
def _likelihood(run: Run) -> str:
    """The recipe's where the decoder ends with it, else what the network gives of its own."""
    if run.built.ends:
        return _part(run.recipe.likelihood)
    z = torch.zeros(1, *run.vae.space.shape, dtype=torch.int64 if run.vae.space.codes else torch.float32)
    condition = torch.zeros(1, run.built.condition.size) if run.built.condition.size else None
    p = run.vae.decode(z.to(run.device), None if condition is None else condition.to(run.device))
    return f"{type(p).__name__}, the network's own"


def _samplers(run: Run) -> str:
    """What new examples are drawn from, unless another is asked for."""
    spec = sampler_of(run.recipe.stages)
    return _part(spec) if spec else run.default_sampler or "none: it is a plain autoencoder"
