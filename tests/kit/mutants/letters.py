"""A domain of words, and a network that spells them letter by letter."""

import torch
import torch.nn.functional as F
from torch import nn

from genae import Defaults, Domain, Rejected, Split
from genae.model.networks import Conditioned, Networks, ending

LETTERS, LENGTH = "abcde", 6


class Speller(nn.Module):
    """z to p(x | z), a letter after the other."""

    def __init__(self, size, condition, width=16):
        super().__init__()
        self.begin = nn.Linear(size + condition, width)
        self.gru = nn.GRU(len(LETTERS), width, batch_first=True)
        self.out = nn.Linear(width, len(LETTERS))

    def forward(self, z, condition=None):
        given = z if condition is None else torch.cat([z, condition], 1)
        return Spelled(self, self.begin(given).tanh())


class Spelled:
    """p(x | z) of a batch of first states (B, width)."""

    def __init__(self, speller, state):
        self.speller, self.state = speller, state

    def logits(self, x):
        before = F.pad(F.one_hot(x.long(), len(LETTERS)).float()[:, :-1], (0, 0, 1, 0))
        h, _ = self.speller.gru(before, self.state[None])
        return self.speller.out(h)

    def log_prob(self, x):
        return -F.cross_entropy(self.logits(x).mT, x.long(), reduction="none").sum(1)

    @property
    def mean(self):
        return self.sample(0.0)

    def sample(self, temperature=1.0):
        seen, h, letters = torch.zeros(len(self.state), 1, len(LETTERS)), self.state[None], []
        for _ in range(LENGTH):
            out, h = self.speller.gru(seen, h)
            logits = self.speller.out(out[:, 0])
            noise = -torch.empty_like(logits).exponential_().log()
            letters.append((logits + temperature * noise).argmax(1))
            seen = F.one_hot(letters[-1], len(LETTERS)).float()[:, None]
        return torch.stack(letters, 1).float()


def spell(event, space, posterior, likelihood, condition=0):
    q = posterior.features(space)
    encoder = Conditioned(nn.Linear(LENGTH + condition, 16), nn.Tanh(), nn.Linear(16, q[0]), *ending(q, posterior))
    return Networks(encoder, Speller(space.size, condition), space)


class Letters(Domain):
    """Words of six letters."""

    suffixes = (".txt",)
    event = (LENGTH,)
    defaults = Defaults(network="spell", networks={"spell": spell}, shows="sample")

    def read(self, file):
        words = file.read().decode("latin-1").split()
        good = [word for word in words if len(word) == LENGTH and set(word) <= set(LETTERS)]
        if not good:
            raise Rejected(f"{file.name}: no word of {LENGTH} letters", "no words")
        return torch.tensor([[LETTERS.index(letter) for letter in word] for word in good])

    def write(self, example, path):
        letters = "".join(LETTERS[int(i)] for i in example)
        path.write_text("\n".join(letters[i : i + LENGTH] for i in range(0, len(letters), LENGTH)))

    def join(self, examples):
        return torch.cat(list(examples))


class Words:
    """Words made on the spot."""

    name, domain, about = "words", "letters", "words made on the spot"

    def split(self, name):
        generator = torch.Generator().manual_seed(["train", "valid", "test"].index(name))
        return Split(array=torch.randint(len(LETTERS), (50, LENGTH), generator=generator).numpy())
