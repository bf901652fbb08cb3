"""What recipes of older formats meant."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

from genae.errors import GenaeError
from genae_audio.wave import Wave


def rave(settings: Mapping[str, Any]) -> dict[str, Any]:
    """In format 1 `latent` was the whole of z, F·D numbers; now it is D, those of a frame."""
    domain = Wave(**{key: value for key, value in settings["domain"].items() if key != "name"})
    network = settings["network"]
    frames = domain.event[1] // (network["bands"] * prod(network["ratios"]))
    if settings["latent"] % frames:
        raise GenaeError(f"this run's latent of {settings['latent']} is no multiple of its {frames} frames")
    return {**settings, "latent": settings["latent"] // frames}
