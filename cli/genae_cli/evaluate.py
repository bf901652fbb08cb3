"""genae evaluate: what a run is worth, in nats."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from genae_cli.common import as_json, device, emit, run_argument, seed, verb

ROWS = {
    "elbo": "ELBO, nats (higher is better)",
    "rate": "rate KL(q, p), nats",
    "distortion": "distortion -log p(x | z), nats",
    "nll": "NLL, nats (lower is better)",
}


@verb(name="evaluate", short_help="Measure ELBO, NLL and more on held-out data.")
@run_argument
@click.option("--data", metavar="NAME|PATH", help="Instead of the run's own data set.")
@click.option("--samples", type=int, help="Importance samples K an example.  [default: the domain's]")
@click.option("--limit", type=int, help="So many examples, drawn at random; all if left out.")
@seed
@device
@as_json
def command(run: Path, data: str | None, samples: int | None, limit: int | None, seed: int, device: str, as_json: bool) -> None:
    """Evaluate a RUN on its test examples: ELBO, rate, distortion, importance-weighted NLL, active units, reconstruction error.

    \b
    Example:
      genae evaluate runs/first --samples 100 --limit 200
    """
    from genae import load
    from genae.use.progress import counting

    loaded = load(run, device)
    numbers = loaded.evaluate(data, samples, limit, seed, counting("example"))
    emit({"run": str(run), **numbers}, as_json, lambda: _table(numbers))


def _table(numbers: dict[str, Any]) -> list[str]:
    lines = [f"{numbers['examples']} examples of {numbers['data']} ({numbers['split']}), {numbers['samples']} samples each"]
    for key, text in ROWS.items():
        error = f" ± {numbers['nll_se']:.2f}" if key == "nll" and numbers["nll_se"] is not None else ""
        value = "none: a plain autoencoder has no density" if numbers[key] is None else f"{numbers[key]:.2f}{error}"
        lines.append(f"  {text:34} {value}")
    lines.append(f"  {'active units':34} {numbers['active_units']} of {numbers['latent']}")
    known = {*ROWS, "data", "split", "examples", "samples", "nll_se", "active_units", "latent", "seed", "precision", "skipped",
             "changed"}  # fmt: skip
    own = {key: value for key, value in numbers.items() if key not in known}
    lines += [f"  {key:34} {'none' if value is None else f'{value:.5g}'}" for key, value in own.items()]
    if numbers["skipped"]:
        lines.append(f"  skipped files: {numbers['skipped']}")
    return lines
