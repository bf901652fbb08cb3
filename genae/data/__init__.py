"""Data: the contract of a domain, files read, examples, items."""
