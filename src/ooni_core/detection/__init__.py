"""Blocking events and status: what is blocked where, since when."""
