"""Accepting measurements: durable first, then scored and published."""
