"""Finding a body wherever it is now."""
