r"""RAVE's layers block by block: each keeps what it needs of earlier blocks, so that blocks in a row give what one pass gives.

What looks ahead comes later. With its input Δ late, a convolution of K taps d apart, stride s and padding p gives

    y[t − Δ'] = Σ_k w_k x[s (t − Δ') + d k − p]        Δ' = ⌈(Δ + d (K − 1) − p − s + 1) / s⌉, the least without a next block

and keeps the last s Δ' + p − Δ numbers of its input. A transposed one gives

    y[t − Δ'] = Σ_u w_{t − s u} x[u − Δ]               Δ' = s Δ + p

and keeps the last K − s sums of its output, which the next block adds to. What goes around a residual unit waits for what
goes through it. The filter bank is a convolution and a transposed one of stride M. One pass has zeros beyond the ends of every
layer, so the first Δ' outputs, which lie before its beginning, are zeros here too. So blocks give what one pass gives, from the
first number to where it looks beyond its end. After cached_conv: https://arxiv.org/abs/2204.07064.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genae.errors import GenaeError

Layers = list[nn.Module]


class Cached(nn.Module):
    """A layer that keeps (B, channels, kept) numbers, and whose first `late` outputs are zeros."""

    def __init__(self, channels: int, kept: int, late: int) -> None:
        super().__init__()
        self.channels, self.kept, self.late, self.left = channels, kept, late, late
        self.cache: Tensor = nn.Buffer(torch.zeros(1, channels, kept), persistent=False)

    def ready(self, x: Tensor) -> None:
        """Begins anew for a batch of another size."""
        if self.cache.size(0) != x.size(0):
            self.cache = x.new_zeros((x.size(0), self.channels, self.kept))
            self.left = self.late

    def begun(self, y: Tensor) -> Tensor:
        """y (B, C, n) with zeros where it lies before the beginning."""
        n = min(self.left, y.size(2))
        self.left -= n
        return torch.cat([torch.zeros_like(y[:, :, :n]), y[:, :, n:]], 2) if n > 0 else y


class Late(Cached):
    """x (B, C, n), so many numbers later."""

    def __init__(self, channels: int, by: int) -> None:
        super().__init__(channels, by, by)

    def forward(self, x: Tensor) -> Tensor:
        self.ready(x)
        whole = torch.cat([self.cache, x], 2)
        self.cache = whole[:, :, x.size(2) :]
        return whole[:, :, : x.size(2)]


class Conv(Cached):
    """A convolution whose input is `late`."""

    def __init__(self, weight: Tensor, late: int, stride: int, padding: int, dilation: int = 1) -> None:
        reach = dilation * (weight.shape[2] - 1)
        own = max(0, -(-(late + reach - padding - stride + 1) // stride))
        super().__init__(weight.shape[1], stride * own + padding - late, own)
        self.stride, self.dilation = stride, dilation
        self.weight = nn.Buffer(weight.detach().clone())

    def forward(self, x: Tensor) -> Tensor:
        """x (B, C, n), n a multiple of the stride s, to (B, C', n / s)."""
        self.ready(x)
        whole = torch.cat([self.cache, x], 2)
        self.cache = whole[:, :, whole.size(2) - self.kept :]
        return self.begun(F.conv1d(whole, self.weight, stride=self.stride, dilation=self.dilation))


class Up(Cached):
    """A transposed convolution whose input is `late`."""

    def __init__(self, weight: Tensor, late: int, stride: int, padding: int) -> None:
        super().__init__(weight.shape[1], weight.shape[2] - stride, stride * late + padding)
        self.stride = stride
        self.weight = nn.Buffer(weight.detach().clone())

    def forward(self, x: Tensor) -> Tensor:
        """x (B, C, n) to (B, C', s n)."""
        self.ready(x)
        y, n = F.conv_transpose1d(x, self.weight, stride=self.stride), self.stride * x.size(2)
        y = torch.cat([y[:, :, : self.kept] + self.cache, y[:, :, self.kept :]], 2)
        self.cache = y[:, :, n:]
        return self.begun(y[:, :, :n])


class Around(nn.Module):
    """x + f(x), x as late as f."""

    def __init__(self, through: nn.Module, around: nn.Module) -> None:
        super().__init__()
        self.through, self.around = through, around

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.around(x) + self.through(x)
        return y


class Times(nn.Module):
    """x, so many times as loud."""

    def __init__(self, gain: float) -> None:
        super().__init__()
        self.gain = gain

    def forward(self, x: Tensor) -> Tensor:
        return self.gain * x


class Beside(nn.Module):
    """x (B, C, n) with one condition (1, D) beside it in every frame, which is as late as x."""

    def __init__(self, condition: Tensor, late: int) -> None:
        super().__init__()
        self.condition, self.wait = nn.Buffer(condition[..., None].detach().clone()), Late(condition.shape[1], late)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.wait(self.condition.expand(x.size(0), -1, x.size(2)))], 1)


class Gated(nn.Module):
    """tanh(a · sigmoid(b)) of channels a and b."""

    def forward(self, x: Tensor) -> Tensor:
        a, b = x.chunk(2, 1)
        return torch.tanh(a * b.sigmoid())


class Row:
    """Layers in a row, put together one by one; `late` is how late their output is."""

    def __init__(self) -> None:
        self.layers, self.late = Layers(), 0

    def add(self, layer: nn.Module) -> None:
        """One that is not later, or says how late it is."""
        self.layers.append(layer)
        if isinstance(layer, Conv | Up):
            self.late = layer.late

    def conv(self, weight: Tensor, stride: int = 1, padding: int = 0, dilation: int = 1) -> None:
        self.add(Conv(weight, self.late, stride, padding, dilation))

    def up(self, weight: Tensor, stride: int, padding: int) -> None:
        self.add(Up(weight, self.late, stride, padding))

    def around(self, dilated: nn.Conv1d, mix: nn.Conv1d, activation: nn.Module) -> None:
        """A residual unit."""
        through, before = Row(), self.late
        through.late = before
        through.add(activation)
        through.like(dilated)
        through.add(activation)
        through.like(mix)
        self.layers.append(Around(through.whole, Late(dilated.in_channels, through.late - before)))
        self.late = through.late

    def like(self, layer: nn.Module) -> None:
        """What a layer of one pass does. GenaeError for one that is not known here."""
        if isinstance(layer, nn.ConvTranspose1d):
            self.up(layer.weight, layer.stride[0], int(layer.padding[0]))
        elif isinstance(layer, nn.Conv1d):
            self.conv(layer.weight, layer.stride[0], int(layer.padding[0]), layer.dilation[0])
        elif isinstance(layer, nn.LeakyReLU):
            self.add(layer)
        else:
            raise GenaeError(f"{type(layer).__name__} cannot work block by block")

    @property
    def whole(self) -> nn.Sequential:
        return nn.Sequential(*self.layers)
