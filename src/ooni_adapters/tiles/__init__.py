"""Where the files of a transparency log are: in an object store, or behind somebody's HTTP service."""

from ooni_adapters.tiles.http import HttpTiles
from ooni_adapters.tiles.objects import ObjectTiles

__all__ = ["HttpTiles", "ObjectTiles"]
