"""Files that operators edit for probes, reread when they change; and the lists' copy for starts without a database."""

from ooni_adapters.probefiles.documents import JsonDocument, ServicesDocument
from ooni_adapters.probefiles.failover import FailoverFile

__all__ = ["FailoverFile", "JsonDocument", "ServicesDocument"]
