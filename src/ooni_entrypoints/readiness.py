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
        needed: False for what the service can do without; that is a warning then.
    """

    code: str
    passes: Callable[[], object]
    needed: bool = True


@attrs.frozen
class Readiness:
    """Runs the checks when asked."""

    version: str
    checks: Sequence[Check] = ()

    def errors(self) -> list[str]:
        """Return the codes of what is needed and fails."""
        return [check.code for check in self.checks if check.needed and not _ok(check)]

    def warnings(self) -> list[str]:
        """Return the codes of what fails and is not needed."""
        return [check.code for check in self.checks if not check.needed and not _ok(check)]


def _ok(check: Check) -> bool:
    try:
        check.passes()
    except OoniError:
        return False
    return True
