"""The recipe: everything a run is rebuilt from, and the registry that its names are looked up in."""
