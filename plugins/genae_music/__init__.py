"""Music for genae: MIDI files to windows of tokens, and tokens to MIDI files."""
