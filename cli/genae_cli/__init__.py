"""The command `genae`: parse, call the engine, print. One module per verb; none imports torch before its verb runs."""
