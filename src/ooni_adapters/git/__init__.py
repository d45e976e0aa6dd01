"""Git repositories by dulwich: no git program is needed."""

from ooni_adapters.git.listsource import GitListSource
from ooni_adapters.git.repository import GitRepository, Login

__all__ = ["GitListSource", "GitRepository", "Login"]
