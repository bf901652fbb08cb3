"""genae evaluate: what a run is worth, in nats, and what it makes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from genae_cli.common import COUNT, as_json, device, emit, run_argument, sampler, seed, temperature, verb
from genae_cli.table import table

ROWS = {
    "elbo": "ELBO, nats (higher is better)",
    "rate": "rate KL(q, p), nats",
    "distortion": "distortion -log p(x | z), nats",
    "nll": "NLL, nats (lower is better)",
}
GENERAL = {*ROWS, "data", "split", "examples", "samples", "nll_se", "active_units", "latent", "seed", "precision", "skipped",
           "changed", "judged"}  # fmt: skip
OTHERS = "nll_"  # the NLL of something else, of the domain's: a baseline
Numbers = dict[str, Any]


@verb(name="evaluate", short_help="Measure ELBO, NLL and more on held-out data.")
@run_argument
@click.option("--data", metavar="NAME|PATH", help="Instead of the run's own data set.")
@click.option("--samples", type=COUNT, help="Importance samples K an example.  [default: the domain's]")
@click.option("--limit", type=COUNT, help="So many examples, drawn at random; all if left out.")
@sampler
@temperature
@seed
@device
@as_json
def command(
    run: Path,
    data: str | None,
    samples: int | None,
    limit: int | None,
    sampler: str | None,
    temperature: float | None,
    seed: int,
    device: str,
    as_json: bool,
) -> None:
    """Evaluate a RUN on its test examples: ELBO, rate, distortion, importance-weighted NLL, active units, reconstruction error.

    Where its domain judges new examples, what it makes is set beside held-out examples and baselines.

    \b
    Example:
      genae evaluate runs/first --samples 100 --limit 200
    """
    from genae import load
    from genae.use.progress import counting

    loaded = load(run, device)
    numbers = loaded.evaluate(data, samples, limit, seed, counting("example"), sampler, temperature)
    emit({"run": str(run), **numbers}, as_json, lambda: _lines(numbers))


def _lines(numbers: Numbers) -> list[str]:
    own = {key: value for key, value in numbers.items() if key not in GENERAL and not key.startswith(OTHERS)}
    skipped = [f"  skipped files: {numbers['skipped']}"] if numbers["skipped"] else []
    return [*_general(numbers), *_own(own), *skipped, *_judged(numbers.get("judged"))]


def _general(numbers: Numbers) -> list[str]:
    lines = [f"{numbers['examples']} examples of {numbers['data']} ({numbers['split']}), {numbers['samples']} samples each"]
    for key, text in ROWS.items():
        error = f" ± {numbers['nll_se']:.2f}" if key == "nll" and numbers["nll_se"] is not None else ""
        value = "none: a plain autoencoder has no density" if numbers[key] is None else f"{numbers[key]:.2f}{error}"
        lines.append(f"  {text:34} {value}")
    others = {key: value for key, value in numbers.items() if key.startswith(OTHERS) and key not in GENERAL}
    lines += [f"  {f'NLL, {key.removeprefix(OTHERS)}':34} {value:.2f}" for key, value in others.items()]
    units = "none" if numbers["active_units"] is None else f"{numbers['active_units']:.0f}"
    return [*lines, f"  {'active units':34} {units} of {numbers['latent']}"]


def _own(numbers: Numbers) -> list[str]:
    """The domain's own numbers, a row each; those that only a digit at the end tells apart share one."""
    rows: dict[str, list[str]] = {}
    for key, value in numbers.items():
        rows.setdefault(re.sub(r"_\d+$", "", key), []).append(_short(value))
    return [f"  {key:34} {' '.join(values)}" for key, values in rows.items()]


def _judged(judged: Numbers | None) -> list[str]:
    """The figures of new examples, with those of others beside them."""
    if not judged:
        return []
    figures = judged["figures"]
    head = list(next(iter(figures.values())))
    rows = [[name, *(_short(value) for value in each.values())] for name, each in figures.items()]
    told = f"{judged['drawn']} new examples by sampler {judged['sampler']} at temperature {judged['temperature']:g}"
    return ["", told, *table(["", *head], rows)]


def _short(value: float | None) -> str:
    """Few digits: three decimals below 10, unless that is nothing of it."""
    if value is None:
        return "none"
    if abs(value) >= 10:
        return f"{value:.4g}" if abs(value) < 10_000 else f"{value:.0f}"
    return f"{value:.3f}" if abs(value) >= 0.001 or not value else f"{value:.2g}"
