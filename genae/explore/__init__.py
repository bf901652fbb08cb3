"""The latent explorer: a page on which people wander through a run's latent space, served to their own browser alone."""
