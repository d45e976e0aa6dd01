"""What a link asks probes to run."""

from collections.abc import Mapping, Sequence
from typing import Any

import attrs


@attrs.frozen
class Nettest:
    """One entry of a link's list, as JSON holds its parts.

    Attributes:
        test_name: which nettest.
        inputs: what it is run on; None when it takes none, or gets them when it is run.
        inputs_extra: something about each of *inputs*, in the same order.
        targets_name: the list of inputs that a probe gets when it is about to run.
        options: for the nettest.
        is_background_run_enabled_default: whether it runs by itself, unless the person says otherwise.
        is_manual_run_enabled_default: whether it runs when the person asks for a run, unless they say otherwise.
    """

    test_name: str = ""
    inputs: Sequence[str] | None = None
    inputs_extra: Sequence[Mapping[str, Any]] | None = None
    targets_name: str | None = None
    options: Mapping[str, Any] = attrs.field(factory=dict)
    is_background_run_enabled_default: bool = False
    is_manual_run_enabled_default: bool = False

    @property
    def document(self) -> dict[str, Any]:
        """Its JSON form, with all keys."""
        return attrs.asdict(self, recurse=False)


KINDS: Mapping[str, type[Any]] = {
    "test_name": str,
    "inputs": list,
    "inputs_extra": list,
    "targets_name": str,
    "options": dict,
    "is_background_run_enabled_default": bool,
    "is_manual_run_enabled_default": bool,
}
"""Key of a nettest -> what its value is."""

_SHORT = "_default"


def with_full_names(nettest: Mapping[str, Any]) -> dict[str, Any]:
    """Return a nettest whose switches have the names that answers give them: some clients leave the last word out."""
    short = {name.removesuffix(_SHORT): name for name in KINDS if name.endswith(_SHORT)}
    return {**{long: nettest[name] for name, long in short.items() if name in nettest}, **nettest}


def nettests_of(descriptor: Mapping[str, Any]) -> tuple[Nettest, ...]:
    """Return what a stored descriptor asks for.

    The older form of the API looks at few of the keys: a value of another kind than expected counts as absent.
    """
    nettests = descriptor.get("nettests")
    return tuple(_read(each) for each in nettests if isinstance(each, Mapping)) if isinstance(nettests, list) else ()


def _read(nettest: Mapping[str, Any]) -> Nettest:
    known = with_full_names(nettest)
    return Nettest(**{name: known[name] for name, kind in KINDS.items() if isinstance(known.get(name), kind)})
