"""Proposals as pull requests on GitHub."""

from ooni_adapters.github.pulls import GitHubForge

__all__ = ["GitHubForge"]
