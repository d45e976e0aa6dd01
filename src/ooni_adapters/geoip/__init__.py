"""Location by MMDB files: reading, building from CSV, fetching new ones."""

from ooni_adapters.geoip.building import build_mmdb
from ooni_adapters.geoip.fetching import GeoipUpdater
from ooni_adapters.geoip.reading import MmdbGeolocator

__all__ = ["GeoipUpdater", "MmdbGeolocator", "build_mmdb"]
