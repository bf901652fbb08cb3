"""genae: one VAE engine, domains as plugins.

    import genae

    run = genae.train("mnist", steps=200, out="runs/quick")
    run = genae.load("runs/quick")
    digits = run.sample(16)  # (16, 1, 28, 28)

Importing genae imports nothing heavy; what is named below is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genae.data.domain import CHOICE, WRITTEN, Defaults, Direct, Domain, Features, Reading
    from genae.data.examples import Examples, File, Found, Known, Piece, Split
    from genae.errors import GenaeError, Rejected, remark
    from genae.latent.inference import Distribution, Inference, Inferred
    from genae.latent.posteriors import Density, DiagonalGaussian, Family, Posterior
    from genae.latent.samplers import Fitting, Noise, Prior, Sampler
    from genae.latent.space import Space
    from genae.learn.session import Progress
    from genae.model.conditions import Condition
    from genae.model.likelihoods import Likelihood
    from genae.model.networks import Conditioned, Networks
    from genae.model.objectives import ELBO, Batch, Loss, Moment, Objective, score
    from genae.model.portable import Steps, Stream
    from genae.model.vae import Begun, Model
    from genae.recipe.options import Before
    from genae.recipe.registry import plugin, register
    from genae.use.run import Run, load
    from genae.use.training import Training, train

__version__ = "0.1.0"

_HOMES = {
    "Batch": "genae.model.objectives",
    "Before": "genae.recipe.options",
    "Begun": "genae.model.vae",
    "Condition": "genae.model.conditions",
    "Conditioned": "genae.model.networks",
    "Defaults": "genae.data.domain",
    "Direct": "genae.data.domain",
    "Density": "genae.latent.posteriors",
    "DiagonalGaussian": "genae.latent.posteriors",
    "Distribution": "genae.latent.inference",
    "Domain": "genae.data.domain",
    "ELBO": "genae.model.objectives",
    "Examples": "genae.data.examples",
    "Family": "genae.latent.posteriors",
    "Features": "genae.data.domain",
    "File": "genae.data.examples",
    "Fitting": "genae.latent.samplers",
    "Found": "genae.data.examples",
    "GenaeError": "genae.errors",
    "Inference": "genae.latent.inference",
    "Inferred": "genae.latent.inference",
    "Known": "genae.data.examples",
    "Likelihood": "genae.model.likelihoods",
    "Loss": "genae.model.objectives",
    "Model": "genae.model.vae",
    "Moment": "genae.model.objectives",
    "Networks": "genae.model.networks",
    "Noise": "genae.latent.samplers",
    "Objective": "genae.model.objectives",
    "Piece": "genae.data.examples",
    "Posterior": "genae.latent.posteriors",
    "Prior": "genae.latent.samplers",
    "Progress": "genae.learn.session",
    "Reading": "genae.data.domain",
    "Rejected": "genae.errors",
    "Run": "genae.use.run",
    "Sampler": "genae.latent.samplers",
    "Space": "genae.latent.space",
    "Split": "genae.data.examples",
    "Steps": "genae.model.portable",
    "Stream": "genae.model.portable",
    "Training": "genae.use.training",
    "CHOICE": "genae.data.domain",
    "WRITTEN": "genae.data.domain",
    "load": "genae.use.run",
    "plugin": "genae.recipe.registry",
    "remark": "genae.errors",
    "register": "genae.recipe.registry",
    "score": "genae.model.objectives",
    "train": "genae.use.training",
}

__all__ = [
    "CHOICE", "ELBO", "WRITTEN", "Batch", "Before", "Begun", "Condition", "Conditioned", "Defaults", "Density",
    "DiagonalGaussian", "Direct", "Distribution",
    "Domain", "Examples", "Family", "Features", "File", "Fitting", "Found", "GenaeError", "Inference", "Inferred", "Known",
    "Likelihood", "Loss", "Model", "Moment", "Networks", "Noise", "Objective", "Piece", "Posterior", "Prior", "Progress",
    "Reading", "Rejected", "Run", "Sampler", "Space", "Split", "Steps", "Stream", "Training", "load", "plugin", "register",
    "remark", "score", "train",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'genae' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
