"""What a ClickHouse URL says."""

from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import attrs

from ooni_core.errors import Invalid


@attrs.frozen
class Address:
    """What a ClickHouse URL says: the arguments of the client, and the cluster on which tables are made."""

    client: dict[str, Any]
    cluster: str | None

    @classmethod
    def parse(cls, url: str) -> "Address":
        """Read ``clickhouse://user:password@host:8123/database`` or ``chdb:///folder``.

        Options after ``?``: ``cluster=NAME``; ``secure=1`` for HTTPS; ``database=NAME`` for the embedded engine.

        Raises:
            Invalid: it is neither.
        """
        parts = urlsplit(url)
        options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        if parts.scheme == "chdb":
            if not parts.path.strip("/"):
                raise Invalid("storage.database: expected chdb:///folder")
            return cls({"interface": "chdb", "path": parts.path, "database": options.get("database")}, None)
        secure = options.get("secure") == "1"
        client = {
            "interface": "https" if secure else "http",
            "host": parts.hostname or "127.0.0.1",
            "port": parts.port or (8443 if secure else 8123),
            "username": unquote(parts.username or "default"),
            "password": unquote(parts.password or ""),
            "database": parts.path.strip("/") or "default",
            "autogenerate_session_id": False,
            "form_encode_query_params": True,  # a list of a thousand uids does not fit into a request line
        }
        return cls(client, options.get("cluster"))
