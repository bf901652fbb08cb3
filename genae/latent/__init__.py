"""The latent: what z is, its distributions, samplers and paths."""
