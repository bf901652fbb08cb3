"""The zoo's page: each of pythae's 26 models as it is said here, trained on MNIST with equal settings, and what it is worth.

    python bench/zoo.py [--steps 600] [--data mnist] [--only vae …] [--measured zoo.jsonl] [--out docs/zoo.md]

All have a perceptron 784-400-z16, or where z is a grid a convolutional network, batches of 100 and Adam at 1e-3.
The NLL is that of 500 test images with 50 samples, the error that of their reconstructions, a pixel. Numbers are printed as
lines of JSON; a model that is among those of before is not trained again.
"""

from __future__ import annotations

import argparse
import inspect
import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import genae
from genae.recipe import registry
from genae.recipe.entries import KINDS
from genae.use.evaluate import choose, means

IMAGES, SAMPLES = 500, 50
BASE = ("network.hidden=[400]", "latent=16")


class Entry(NamedTuple):
    """One of the models."""

    title: str  # pythae's name
    there: int  # non-blank lines of its folder in pythae 0.1.2, without the base classes and flows that it shares with others
    settings: tuple[str, ...]
    oracle: str  # a test with numbers that are known


PAGE = """# The zoo

[pythae](https://github.com/clementchadebec/benchmark_VAE) has 26 models, each a class with its configuration. Here each is a
few settings: a posterior, a prior, an objective, a likelihood or a network, which can be combined in other ways too. pythae's
models have {there} non-blank lines (without the base classes and flows that they share), the modules of the parts named below
{here}.

Numbers are of real runs, short ones: {steps} steps of 100 images of `{data}`, 784-400-z16 with Adam at 1e-3 (grids of codes: a
convolutional network), on one core; NLL of {images} test images with {samples} samples, binarised anew each time. They say that
each learns and at what cost, not which is best after 500 epochs. Made by `python bench/zoo.py`.

| pythae's | said here | lines here, there | oracle | CPU s | NLL, nats | rate, nats | squared error, a pixel |
|---|---|---|---|---|---|---|---|"""
CODE = ("posterior=point",)
ZOO = {
    "ae": Entry("AE", 90, (*CODE, "objective=autoencoder"), "model/test_autoencoders.py"),
    "vae": Entry("VAE", 171, (), "model/test_objectives.py"),
    "beta-vae": Entry("BetaVAE", 113, ("objective.beta=4",), "model/test_objectives.py"),
    "linear-flow": Entry("VAE_LinNF", 211, ("posterior=planar",), "latent/test_bent.py"),
    "iaf": Entry("VAE_IAF", 199, ("posterior=iaf",), "latent/test_bent.py"),
    "capacity": Entry(
        "DisentangledBetaVAE", 129, ("objective.beta=10", "objective.capacity=25"), "model/test_objectives.py"
    ),
    "factor-vae": Entry("FactorVAE", 258, ("objective=factor-vae",), "model/test_critics.py"),
    "beta-tc": Entry("BetaTCVAE", 193, ("objective=beta-tc",), "model/test_correlation.py"),
    "iwae": Entry("IWAE", 127, ("objective=iwae", "objective.samples=10"), "model/test_objectives.py"),
    "miwae": Entry("MIWAE", 141, ("objective=miwae", "objective.samples=5", "objective.estimates=2"), "model/test_weighted.py"),
    "piwae": Entry("PIWAE", 159, ("objective=piwae", "objective.samples=5", "objective.estimates=2"), "model/test_weighted.py"),
    "ciwae": Entry("CIWAE", 136, ("objective=ciwae", "objective.samples=10"), "model/test_weighted.py"),
    "ms-ssim": Entry("MSSSIM_VAE", 210, ("likelihood=ms-ssim",), "plugins/test_similar.py"),
    "wae": Entry("WAE_MMD", 132, (*CODE, "objective=wae"), "model/test_divergences.py"),
    "info-vae": Entry("INFOVAE_MMD", 162, ("objective=info-vae",), "model/test_divergences.py"),
    "vamp": Entry("VAMP", 214, ("prior=vamp",), "latent/test_vamp.py"),
    "svae": Entry("SVAE", 254, ("posterior=von-mises-fisher", "prior=sphere"), "latent/test_curved.py"),
    "poincare": Entry("PoincareVAE", 1137, ("posterior=wrapped-normal", "prior=hyperbolic"), "latent/test_curved.py"),
    "adversarial": Entry("Adversarial_AE", 327, (*CODE, "objective=adversarial"), "model/test_critics.py"),
    "vae-gan": Entry("VAEGAN", 379, ("objective=vae-gan",), "model/test_critics.py"),
    "vq-vae": Entry(
        "VQVAE", 260, ("network=grid", "posterior=vq", "prior=uniform", 'latent={"shape": [7, 7]}'),
        "latent/test_codes.py",
    ),
    "hvae": Entry("HVAE", 232, ("network=hamiltonian",), "model/test_hamiltonian.py"),
    "rae-l2": Entry("RAE_L2", 97, (*CODE, "objective=rae"), "model/test_autoencoders.py"),
    "rae-gp": Entry(
        "RAE_GP", 109, (*CODE, "objective=rae", "objective.decoder=0", "objective.smooth=0.1"), "model/test_autoencoders.py"
    ),
    "rhvae": Entry("RHVAE", 748, ("network=riemannian",), "model/test_hamiltonian.py"),
    "hrq-vae": Entry(
        "HRQVAE", 255, ("network=grid", "posterior=residual-vq", "prior=uniform", 'latent={"shape": [7, 7]}'),
        "latent/test_codes.py",
    ),
}  # fmt: skip


def settings(entry: Entry) -> tuple[str, ...]:
    """As --set has them, the base's first where they are of its network."""
    own = {setting.partition("=")[0] for setting in entry.settings}
    of_network = () if "network=grid" in entry.settings else BASE[:1]
    return (*entry.settings, *of_network, *(() if "latent" in own else BASE[1:]))


def command(entry: Entry) -> str:
    """What a user types."""
    return "genae train mnist-mlp " + " ".join(f"--set {_quoted(s)}" for s in entry.settings)


def _quoted(setting: str) -> str:
    return f"'{setting}'" if "{" in setting else setting


def lines(entry: Entry) -> int:
    """Non-blank lines of the modules of the parts that it names, each of which other models use too."""
    return sum(_lines(module) for module in {*map(_module, _parts(entry))})


def _parts(entry: Entry) -> list[tuple[str, str]]:
    pairs = (setting.split("=", 1) for setting in entry.settings)
    return [(kind, name) for kind, name in pairs if kind in KINDS]


def _module(part: tuple[str, str]) -> ModuleType:
    found = inspect.getmodule(registry.get(*part))
    assert found is not None
    return found


@cache
def _lines(module: ModuleType) -> int:
    return sum(1 for line in inspect.getsource(module).splitlines() if line.strip())


def trained(name: str, steps: int, data: str, folder: Path) -> dict[str, object]:
    """A model's numbers."""
    began = time.process_time()
    run = genae.train("mnist-mlp", data=data, steps=steps, settings=settings(ZOO[name]), out=folder / name)
    seconds = time.process_time() - began
    held = choose(run.held_out()[1], IMAGES, 0)
    error = means({"mse": _mse}, run.domain.prepare(held.x, "show"), run.reconstruct(held)[1])["mse"]
    numbers = run.evaluate(samples=SAMPLES, limit=IMAGES) if run.built.bounded else {}
    kept = {key: numbers.get(key) for key in ("nll", "nll_se", "rate")}
    made: dict[str, object] = {"model": name, "steps": steps, "seconds": seconds, "mse": error, **kept}
    print(json.dumps(made), flush=True)
    return made


def _mse(target: genae.use.run.Tensor, output: genae.use.run.Tensor) -> float:
    return (target - output).square().mean().item()


def page(every: Sequence[Mapping[str, object]], steps: int, data: str) -> str:
    """As Markdown."""
    rows = [_row(ZOO[str(numbers["model"])], numbers, steps) for numbers in every]
    here = sum(map(_lines, {_module(part) for entry in ZOO.values() for part in _parts(entry)}))
    there = sum(entry.there for entry in ZOO.values())
    said = PAGE.format(here=here, there=there, steps=steps, data=data, images=IMAGES, samples=SAMPLES)
    return "\n".join([said, *rows, ""])


def _row(entry: Entry, numbers: Mapping[str, object], steps: int) -> str:
    nll, rate = numbers["nll"], numbers["rate"]
    bound = f"{nll:.1f} ± {numbers['nll_se']:.1f}" if isinstance(nll, float) else "none"
    bound += " (of a pseudo-likelihood)" if any(setting.startswith("likelihood=") for setting in entry.settings) else ""
    cost = f"{rate:.1f}" if isinstance(rate, float) else "none"
    said = " ".join(f"`--set {_quoted(s)}`" for s in entry.settings) or "`genae train mnist-mlp`"
    test = f"[{Path(entry.oracle).name}](../tests/{entry.oracle})"
    made = f"{lines(entry)}, {entry.there}"
    shorter = "" if numbers["steps"] == steps else f" ({numbers['steps']} steps)"
    long = f"{numbers['seconds']:.0f}{shorter}"
    return f"| {entry.title} | {said} | {made} | {test} | {long} | {bound} | {cost} | {numbers['mse']:.4f} |"


def _measured(path: Path | None) -> dict[str, dict[str, object]]:
    """Numbers of before, by model."""
    lines = path.read_text("utf-8").splitlines() if path else []
    every = [json.loads(line) for line in lines if line.startswith("{")]
    return {numbers["model"]: numbers for numbers in every}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--only", nargs="*", default=list(ZOO), choices=list(ZOO))
    parser.add_argument("--measured", type=Path)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        made = _measured(asked.measured)
        every = [made.get(name) or trained(name, asked.steps, asked.data, Path(folder)) for name in asked.only]
    text = page(every, asked.steps, asked.data)
    if asked.out:
        asked.out.write_text(text, "utf-8")
    else:
        print(text)


if __name__ == "__main__":
    main()
