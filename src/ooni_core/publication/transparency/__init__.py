"""A public, append-only log of everything published, so that nobody can change or remove a measurement unnoticed."""
