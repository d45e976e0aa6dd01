"""Entrypoints: HTTP, scheduler and command line, and the one composition root that wires them."""
