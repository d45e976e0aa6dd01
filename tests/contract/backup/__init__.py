"""Backups with real databases and object stores."""
