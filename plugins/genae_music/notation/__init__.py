"""ABC notation read as music: https://abcnotation.com/wiki/abc:standard:v2.1."""
