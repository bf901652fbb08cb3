r"""The networks `hamiltonian` and `riemannian`: models whose posterior follows the gradient of log p(x, z) (evolve.py).

The Riemannian metric is learned: G(z)⁻¹ = Σ_i L_i L_iᵀ exp(−|c_i − z|² / T²) + λ I, L_i = L_ψ(x_i) lower triangular, c_i the
posterior means. The sum is over the batch in training, afterwards over the last KEPT training examples, kept in the weights.
"""

from __future__ import annotations

from typing import Annotated

import torch
from annotated_types import Ge, Gt, Le, doc
from torch import Tensor, nn

from genae import DiagonalGaussian, Distribution, Family, GenaeError, Likelihood, Model, Networks, Space
from genae.latent.precision import full_precision
from genae.latent.priors import StandardNormal
from genae.latent.space import Shape
from genae.model.networks import Activation, Conditioned, Sizes, mlp, perceptron
from genae.model.vae import repeated
from genae_hamiltonian.evolve import Gone, Metric, Path

BOUND = 2.0  # of the numbers of L, of its diagonal their logarithms
KEPT = 256  # training examples whose metric is that of new ones

Steps = Annotated[int, Ge(1), Le(100), doc("leapfrogs, each with gradients of the decoder")]
Size = Annotated[float, Gt(0), doc("of a leapfrog, in the latent's units")]
Beta = Annotated[float, Gt(0), Le(1), doc("inverse temperature at the beginning; 1 is none")]
Hidden = Annotated[Sizes, doc("widths of the layers from x to z, and back in reverse")]
Act = Annotated[Activation, doc("behind every layer; a smooth one has better gradients of gradients")]


class Hamiltonian(Model):
    """An encoder to start from, leapfrogs uphill in log p(x, z), and a decoder."""

    def __init__(
        self, networks: Networks, event: Shape, steps: int, size: float, beta: float, metric: Learned | None = None
    ) -> None:
        super().__init__(event, networks.space)
        self.encoder, self.decoder, self.metric = networks.encoder, networks.decoder, metric
        self.prior = StandardNormal(networks.space)
        self.steps, self.size, self.beta = steps, size, beta

    def infer(self, x: Tensor, condition: Tensor | None = None) -> Beginning:
        q: DiagonalGaussian = self.encoder(x, condition)
        return Beginning(self, q, x, condition, self.metric and self.metric.at(x, q.mean))

    def decode(self, z: Tensor, condition: Tensor | None = None) -> Distribution:
        p: Distribution = self.decoder(z, condition)
        return p

    def path(self, x: Tensor, condition: Tensor | None, metric: Metric | None) -> Path:
        """The ways of a batch."""
        return Path(lambda z: self.decode(z, condition), x, self.steps, self.size, self.beta, metric)


class Beginning:
    """q(z₀ | x), from which z goes on."""

    def __init__(
        self, model: Hamiltonian, q: DiagonalGaussian, x: Tensor, condition: Tensor | None, metric: Metric | None
    ) -> None:
        self.model, self.q, self.x, self.condition, self.metric = model, q, x, condition, metric

    @property
    def mean(self) -> Tensor:
        """Where the mean of q goes without momentum."""
        z, _ = self.model.path(self.x, self.condition, self.metric).travelled(self.q.mean, torch.zeros_like(self.q.mean))
        return z

    @property
    def spread(self) -> Tensor:
        return self.q.spread

    def sample(self, samples: int | None = None) -> Gone:
        start = self.q.rsample(samples)
        gamma = torch.randn_like(start)
        rows = start.shape[:-1]
        x, condition = repeated(self.x, samples), repeated(self.condition, samples)
        assert x is not None
        path = self.model.path(x, condition, self.metric)
        first, noise = start.reshape(-1, start.shape[-1]).float(), gamma.reshape(-1, gamma.shape[-1]).float()
        z, rho = path.travelled(first, path.momentum(first, noise))
        began = -0.5 * (noise.square().sum(-1)) - path.volume(first)  # ln N(γ) without its constant, which ends with ln N(z)'s
        ended = -0.5 * z.square().sum(-1) + path.log_normal(z, rho)
        ratio = self.q.log_prob(start) + (began - ended).view(rows)
        return Gone(z.view(start.shape), ratio, self.model.decode(z, condition), samples)


class Learned(nn.Module):
    """L_ψ(x) and what it was for the last training examples."""

    def __init__(self, event: Shape, size: int, hidden: Sizes, act: Activation, temperature: float, floor: float) -> None:
        super().__init__()
        self.size, self.temperature, self.floor = size, temperature, floor
        inputs = int(torch.Size(event).numel())
        self.factor = Conditioned(*perceptron([inputs, *hidden], act), nn.Linear(hidden[-1], size * (size + 1) // 2))
        self.centres = nn.Buffer(torch.zeros(KEPT, size))
        self.squares = nn.Buffer(torch.eye(size).repeat(KEPT, 1, 1) / KEPT)
        self.next = nn.Buffer(torch.zeros((), dtype=torch.int64))

    def at(self, x: Tensor, mean: Tensor) -> Metric:
        """The metric around a batch in training, or around the examples kept; in training these are kept."""
        if not self.training:
            return self._of(self.centres, self.squares)
        with full_precision(x.device):
            square = self._square(x.float())
        self._keep(mean.detach(), square.detach())
        return self._of(mean, square)

    def _square(self, x: Tensor) -> Tensor:
        """x (B, *event) to L Lᵀ (B, D, D), the diagonal of L positive."""
        low = self.factor(x)
        assert isinstance(low, Tensor)
        low = BOUND * (low / BOUND).tanh()
        root = low.new_zeros(len(x), self.size, self.size)
        rows, columns = torch.tril_indices(self.size, self.size, device=x.device)
        root = root.index_put((torch.arange(len(x), device=x.device)[:, None], rows, columns), low)
        root = root.tril(-1) + torch.diag_embed(root.diagonal(dim1=1, dim2=2).exp())
        return root @ root.mT

    @torch.no_grad()
    def _keep(self, mean: Tensor, square: Tensor) -> None:
        """In turn, so that the oldest make room."""
        newest, many = min(len(mean), KEPT), len(mean)
        places = (self.next + torch.arange(newest, device=mean.device)) % KEPT
        self.centres[places] = mean[many - newest :].to(self.centres)
        self.squares[places] = square[many - newest :].to(self.squares)
        self.next.copy_((self.next + newest) % KEPT)

    def _of(self, centres: Tensor, squares: Tensor) -> Metric:
        def inverse(z: Tensor) -> Tensor:
            square = z.square().sum(-1, keepdim=True)
            apart = square - 2 * z @ centres.mT + centres.square().sum(-1)  # (B, N), which cdist bears once
            near = (-apart.clamp(min=0) / self.temperature**2).exp()
            floor = self.floor * torch.eye(self.size, device=z.device, dtype=torch.float64)
            return torch.einsum("bn,nij->bij", near.double(), squares.double()) + floor

        return inverse


def hamiltonian(
    event: Shape,
    space: Space,
    posterior: Family,
    likelihood: Likelihood,
    condition: int = 0,
    *,
    hidden: Hidden = (400,),
    activation: Act = "silu",
    steps: Steps = 3,
    size: Size = 0.05,
    beta: Beta = 0.3,
) -> Hamiltonian:
    """The Hamiltonian VAE, around linear layers, for any event and one vector z."""
    _require_vector(space)
    networks = mlp(event, space, posterior, likelihood, condition, hidden, activation)
    return Hamiltonian(networks, event, steps, size, beta)


def riemannian(
    event: Shape,
    space: Space,
    posterior: Family,
    likelihood: Likelihood,
    condition: int = 0,
    *,
    hidden: Hidden = (400,),
    activation: Act = "silu",
    steps: Steps = 3,
    size: Size = 0.01,
    beta: Beta = 0.3,
    temperature: Annotated[float, Gt(0), doc("T: how far an example's metric reaches, in the latent's units")] = 1.5,
    floor: Annotated[float, Gt(0), doc("λ: G⁻¹ far from all examples")] = 0.01,
) -> Hamiltonian:
    """The Riemannian Hamiltonian VAE, around linear layers, for any event and one vector z."""
    _require_vector(space)
    networks = mlp(event, space, posterior, likelihood, condition, hidden, activation)
    metric = Learned(event, space.size, hidden, activation, temperature, floor)
    return Hamiltonian(networks, event, steps, size, beta, metric)


def _require_vector(space: Space) -> None:
    if len(space.shape) != 1 or space.codes:
        raise GenaeError(
            f"Hamiltonian posteriors move one vector of numbers, and this latent space is {space}; set latent=16, say"
        )
