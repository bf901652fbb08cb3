r"""A VAE-GAN for genae: a critic learns to tell data from what the decoder makes. https://arxiv.org/abs/1512.09300

    vae      −log p(x | z) + KL(q ‖ p), and once the critic learns + γ |D_l(x) − D_l(x̂)|² − α log D(x̂), x̂ the mean of p(x | z)
    critic   −log D(x) − ½ log(1 − D(x̂)) − ½ log(1 − D(x′)), x′ of z from the prior

D_l are the critic's features: a distance that knows what matters. A stage in which `critic` does not learn is a plain VAE; in
the preset's second one it does, and the encoder is frozen. Use it by `genae train mnist-gan --plugin genae_gan.py`.
"""

from math import prod
from typing import Annotated

import torch
import torch.nn.functional as F
from annotated_types import Ge, doc
from torch import nn

import genae
from genae import Loss, Objective
from genae.model.objectives import of_the_vae


class Critic(nn.Module):
    """Events (B, *event) to features (B, width) and the logit of D (B,)."""

    def __init__(self, event, width):
        super().__init__()
        self.features = nn.Sequential(
            nn.Flatten(), nn.Linear(prod(event), width), nn.LeakyReLU(0.2), nn.Linear(width, width), nn.LeakyReLU(0.2)
        )
        self.last = nn.Linear(width, 1)

    def forward(self, x):
        h = self.features(x)
        return h.float(), self.last(h)[:, 0].float()


class VAEGAN(Objective):
    """Two players, each with an optimiser of its own: `optimisers` in the recipe."""

    players = {"vae": of_the_vae, "critic": lambda game: game.get_submodule("objective").parameters()}

    def __init__(
        self,
        matching: Annotated[float, Ge(0), doc("γ, weight of the distance between the critic's features")] = 1.0,
        adversarial: Annotated[float, Ge(0), doc("α, weight of the critic's opinion")] = 1.0,
        width: Annotated[int, Ge(1), doc("of the critic")] = 256,
    ) -> None:
        super().__init__()
        self.matching, self.adversarial, self.width = matching, adversarial, width

    def setup(self, vae):
        self.critic = Critic(vae.event, self.width)

    def losses(self, vae, batch, at):
        found = vae.infer(batch.input, batch.condition).sample()
        distortion = -found.p.log_prob(batch.target)
        bound, terms = (distortion + found.rate).mean(), {"distortion": distortion, "rate": found.rate}
        if "critic" not in at.players:
            yield Loss("vae", bound, terms)
            return
        made = found.p.mean
        (wanted, _), (features, logit) = self.critic(batch.target), self.critic(made)
        distance = (features - wanted.detach()).square().sum(1)
        fooled = F.softplus(-logit)  # −log D(x̂)
        value = bound + (self.matching * distance + self.adversarial * fooled).mean()
        yield Loss("vae", value, terms | {"feature_matching": distance, "fooled": fooled})
        with torch.no_grad():
            new = vae.decode(vae.prior.sample(len(made), 1.0, batch.condition), batch.condition).mean
        real, rebuilt, drawn = (self.critic(x.detach())[1] for x in (batch.target, made, new))
        value = (F.softplus(-real) + 0.5 * F.softplus(rebuilt) + 0.5 * F.softplus(drawn)).mean()
        yield Loss("critic", value, {"real": real.sigmoid(), "made": rebuilt.sigmoid()})


preset = {
    "parent": "mnist-mlp", "domain": {"binarise": False}, "likelihood": {"name": "gaussian", "sigma": 0.2},
    "objective": {"name": "vaegan"}, "optimisers": {"critic": {"lr": 2e-4, "beta1": 0.5}},
    "stages": [{"players": ["vae"]}, {"start": 0.5, "freeze": ["encoder"]}],
}  # fmt: skip

genae.register("objective", "vaegan", VAEGAN)
genae.register("preset", "mnist-gan", preset)
