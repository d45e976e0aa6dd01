"""Whether the service can do its work right now."""

from collections.abc import Callable, Sequence

import attrs

from ooni_core.errors import OoniError


@attrs.frozen
class Check:
    """One thing that the service needs.

    Attributes:
        code: machine word reported when it fails, such as ``db_error``.
        passes: raises an OoniError when it does not.
    """

    code: str
    passes: Callable[[], object]


@attrs.frozen
class Readiness:
    """Runs the checks when asked.

    Attributes:
        checks: what the service cannot do without.
        advisers: each says in sentences what an operator should look at; the service works all the same.
    """

    version: str
    checks: Sequence[Check] = ()
    advisers: Sequence[Callable[[], Sequence[str]]] = ()

    def errors(self) -> list[str]:
        """Return the codes of what is needed and fails."""
        return [check.code for check in self.checks if not _ok(check)]

    def warnings(self) -> list[str]:
        """Return what an operator should look at."""
        return [sentence for adviser in self.advisers for sentence in adviser()]


def _ok(check: Check) -> bool:
    try:
        check.passes()
    except OoniError:
        return False
    return True
