"""Where raw files come from: data sets with a home on the web, and ones made on the spot."""
