"""Backups of the database in an object store, public exports, and the way back into any engine.

A backup is made of objects that are written once and a manifest that is written last: a backup without a manifest does
not exist. The database is reached through ``ooni_adapters.sql``.
"""

from ooni_adapters.backup.catalog import BackupCatalog
from ooni_adapters.backup.exporting import PUBLIC_TABLES, PublicExport
from ooni_adapters.backup.making import BackupMaker
from ooni_adapters.backup.manifest import BackupManifest
from ooni_adapters.backup.progress import Progress
from ooni_adapters.backup.restoring import Restorer

__all__ = ["PUBLIC_TABLES", "BackupCatalog", "BackupMaker", "BackupManifest", "Progress", "PublicExport", "Restorer"]
