"""Models of genae, ready to use: each folder here is one."""
