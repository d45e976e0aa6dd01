"""The other API hosts that the settings name."""

from ooni_adapters.peers import HttpPeer, PeersTogether
from ooni_core.errors import Invalid
from ooni_core.ports import Clock
from ooni_entrypoints.settings import Settings


def make_peers(settings: Settings, clock: Clock) -> tuple[PeersTogether, ...]:
    """Return what `Archive` asks for bodies that other hosts hold: nothing when the settings name no host.

    Raises:
        Invalid: hosts are named, and no key to sign requests with.
    """
    peers = settings.peers
    if not peers.urls:
        return ()
    if not peers.keys:
        raise Invalid("setting peers.keys is empty and peers.urls is not: other hosts only answer signed requests")
    return (PeersTogether([HttpPeer(url, peers.keys[0], clock, peers.seconds) for url in peers.urls]),)
