"""The transparency log with real adapters."""
