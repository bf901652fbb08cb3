"""From a recipe to the parts of a run."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import torch
from torch import Tensor

from genae.data.domain import Domain, Stage
from genae.data.examples import Examples, Known
from genae.errors import GenaeError
from genae.latent.posteriors import Family
from genae.latent.samplers import Prior
from genae.latent.space import Space
from genae.model.conditions import Attribute, Condition
from genae.model.likelihoods import Likelihood
from genae.model.networks import Networks
from genae.model.objectives import Batch, Moment, Objective
from genae.model.tasks import Task, task_of
from genae.model.vae import VAE, Model
from genae.recipe.options import plain
from genae.recipe.parts import OfExample, instance, instantiate, of_kind, part
from genae.recipe.recipe import Recipe

TRIED = 8  # examples of which a loss is tried
ROUNDED = 1e-5  # numbers may be so far outside a likelihood's support


class Built(NamedTuple):
    """What a recipe builds."""

    domain: Domain
    vae: Model
    objective: Objective
    task: Task
    condition: Condition
    likelihood: object = None  # as the recipe names it

    @property
    def bounded(self) -> bool:
        """Whether it has an ELBO: a plain autoencoder has none."""
        return self.vae.kind != "point" and self.objective.fits_prior

    @property
    def sampled(self) -> bool:
        """Whether z of new examples can be drawn from the prior: plain codes of which all together fit it are so too."""
        return self.objective.fits_prior and (self.vae.kind != "point" or self.objective.fits_codes)

    def batch(self, stored: Tensor, known: Known, stage: Stage) -> Batch:
        """Stored examples (B, *event), and what is known beside them, as the networks are given them in a stage.

        In "train" both are varied together, and the condition is hidden from a share.
        """
        if stage != "train":
            target = self.domain.prepare(stored, stage)
            return Batch(self.task(target), target, self.condition(known, target))
        target, fields = self.domain.augmented(stored, known.fields)
        batch = Batch(self.task(target), target, self.condition(known._replace(fields=fields), target, train=True))
        if not self.objective.views:
            return batch
        return batch._replace(view=self.task(self.domain.augmented(stored, known.fields)[0]))

    @property
    def ends(self) -> bool:
        """Whether the decoder ends with that likelihood: a network may have one of its own."""
        return any(module is self.likelihood for module in self.vae.modules())

    @property
    def levels(self) -> int:
        """Of each number of an event, where p(x | z) is a probability of them: see `Likelihood.levels`."""
        return self.likelihood.levels if self.ends and isinstance(self.likelihood, Likelihood) else 0


def learned(recipe: Recipe, train: Examples) -> Recipe:
    """With what the condition learns from the training examples: their classes, say."""
    domain = instance(Domain, "domain", recipe.domain)
    factory = part("condition", recipe.condition, domain)
    if not (isinstance(factory, type) and issubclass(factory, Condition)):
        return recipe
    options = factory.learned(recipe.condition, train, domain)
    return dataclasses.replace(recipe, condition={key: plain(value) for key, value in options.items()})


def build(recipe: Recipe) -> Built:
    """The parts of a run, with fresh weights drawn from the global random state. GenaeError for parts that do not fit."""
    domain = instance(Domain, "domain", recipe.domain)
    condition = _condition(recipe, domain)
    likelihood = instantiate("likelihood", recipe.likelihood)
    vae = _model(recipe, domain, condition, likelihood)
    objective = instance(Objective, "objective", recipe.objective)
    objective.setup(vae)
    return Built(domain, vae, objective, task_of(recipe.task, domain), condition, likelihood)


@torch.no_grad()
def require_space(built: Built, batch: Batch, network: str) -> None:
    """GenaeError for an encoder that gives another z than its network says."""
    built.vae.eval()
    space, z = built.vae.space, built.vae.encode(batch.input[:1], None if batch.condition is None else batch.condition[:1])
    if tuple(z.shape[1:]) != space.shape:
        raise GenaeError(f"the encoder of network '{network}' gives z {tuple(z.shape[1:])}, and its latent space is {space}")


def require_loss(built: Built, batch: Batch, first: Moment) -> None:
    """GenaeError where the objective asks the model for what it does not have: a rate by dimension, say."""
    built.vae.eval()
    built.objective.eval()
    few = batch._replace(**{name: column[:TRIED] for name, column in batch._asdict().items() if column is not None})
    next(built.objective.losses(built.vae, few, first), None)


def require_support(built: Built, targets: Tensor, likelihood: str) -> None:
    """GenaeError for events (B, *event) that the likelihood gives no density: it would grow without bound."""
    if not (built.ends and isinstance(built.likelihood, Likelihood)):
        return
    (low, high), (least, most) = built.likelihood.support, (x.item() for x in targets.aminmax())
    if least < low - ROUNDED or most > high + ROUNDED:
        raise GenaeError(
            f"likelihood '{likelihood}' is of numbers from {low:g} to {high:g}, and the events have {least:.4g} to {most:.4g}; "
            "set likelihood=gaussian, or scale them in Domain.prepare"
        )


def _condition(recipe: Recipe, domain: Domain) -> Condition:
    made = instantiate("condition", recipe.condition, domain=domain)
    if isinstance(made, OfExample):
        return Attribute(made.name, domain.defaults.attributes[made.name], domain.event, made.dropout)
    return of_kind(Condition, "condition", recipe.condition, made).of_domain(domain)


def _model(recipe: Recipe, domain: Domain, condition: Condition, likelihood: object) -> Model:
    family = instance(Family, "posterior", recipe.posterior)
    space = family.space(Space.of(recipe.latent))
    prior = _prior(recipe, space, condition)
    made = instantiate(
        "network", recipe.network, domain=domain, event=domain.event, space=space, posterior=family, likelihood=likelihood,
        condition=condition.size, optional={"form": condition.form},
    )  # fmt: skip
    if isinstance(made, Model):  # a ladder, say, whose prior is its own
        if not (recipe.is_default("prior") and recipe.is_default("posterior")):
            raise GenaeError(
                f"network '{recipe.network['name']}' has a posterior and a prior of its own; leave out prior and posterior"
            )
        made.shows = domain.defaults.shows
        return made
    networks = of_kind(Networks, "network", recipe.network, made)
    if networks.space != space:
        prior = _prior(recipe, networks.space, condition)
    return VAE(networks.encoder, networks.decoder, prior, domain.event, family, domain.defaults.shows)


def _prior(recipe: Recipe, space: Space, condition: Condition) -> Prior:
    prior = instance(Prior, "prior", recipe.prior, space=space, condition=condition.size)
    if prior.space != space:
        raise GenaeError(f"prior '{recipe.prior['name']}' is over {prior.space}, and the network's latent space is {space}")
    return prior
