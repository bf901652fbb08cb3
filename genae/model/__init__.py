"""The model: encoder, decoder, what both are told, and what is minimised."""
