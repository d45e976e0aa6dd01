"""Published verdicts, wherever they can be looked up: in a file of rows, in a database, or at an API.

All have one face: ``rows(uids)`` returns, by measurement uid, the columns that the place shows, in its own spelling,
and leaves out what it does not have; ``close()`` releases what is held.
"""

from ooni_adapters.publishedverdicts.api import ApiVerdicts
from ooni_adapters.publishedverdicts.database import DatabaseVerdicts
from ooni_adapters.publishedverdicts.files import FileVerdicts

__all__ = ["ApiVerdicts", "DatabaseVerdicts", "FileVerdicts"]
