"""Learning: parts built, stages, the loop, what a run leaves on the disk."""
