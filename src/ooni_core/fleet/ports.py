"""What the fleet needs from the outside world."""

from collections.abc import Sequence
from typing import Protocol

from ooni_core.fleet.model import TestHelper


class TestHelperRegister(Protocol):
    """Remembers every test helper there ever was."""

    def put(self, helper: TestHelper) -> None:
        """Remember *helper* in place of what was known under its name. Putting the same again changes nothing.

        Raises:
            Invalid: a value cannot be stored, such as an instant before 1970; nothing was changed.
            Unavailable: nothing was changed.
        """

    def helpers(self, provider: str, dns_zone: str) -> Sequence[TestHelper]:
        """Return those of one provider and zone, destroyed ones too, newest name first.

        Raises:
            Unavailable: the medium failed.
        """
