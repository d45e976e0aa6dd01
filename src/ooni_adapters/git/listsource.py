"""The test lists' repository as a ListSource."""

import attrs

from ooni_adapters.git.repository import GitRepository
from ooni_core.errors import Invalid
from ooni_core.testlists.updating import FetchedLists


@attrs.frozen
class GitListSource:
    """Reads ``lists/*.csv`` of a repository's latest commit."""

    repository: GitRepository

    def fetch(self) -> FetchedLists:
        """Return all list files as they are published now."""
        commit = self.repository.fetch()
        files = {}
        for name, content in self.repository.files(commit, "lists").items():
            if name.endswith(".csv"):
                try:
                    files[name.removesuffix(".csv")] = content.decode("utf-8")
                except UnicodeDecodeError as exc:
                    raise Invalid(f"{name} is not UTF-8: byte {exc.start}") from exc
        if not files:
            raise Invalid("the repository has no lists/*.csv")
        return FetchedLists(commit, files)
