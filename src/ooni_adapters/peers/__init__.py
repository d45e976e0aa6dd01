"""Spools of the other API hosts."""

from ooni_adapters.peers.http import HttpPeer
from ooni_adapters.peers.together import PeersTogether

__all__ = ["HttpPeer", "PeersTogether"]
