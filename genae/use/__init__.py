"""Use: a trained run, what it makes, what it is worth."""
