"""Git repositories by dulwich: no git program is needed."""

from ooni_adapters.git.editing import FolderWorkingCopies, GitPublishedLists, GitRemoteForge, branch_of
from ooni_adapters.git.listsource import GitListSource
from ooni_adapters.git.repository import GitRepository, Login

__all__ = [
    "FolderWorkingCopies",
    "GitListSource",
    "GitPublishedLists",
    "GitRemoteForge",
    "GitRepository",
    "Login",
    "branch_of",
]
