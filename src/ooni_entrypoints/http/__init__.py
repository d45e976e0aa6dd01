"""The HTTP API: handlers translate, call a use case and translate back."""
