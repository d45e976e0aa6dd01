"""Archives with members of any name."""

import io
import tarfile
from collections.abc import Mapping


def tar(files: Mapping[str, bytes], format: int = tarfile.PAX_FORMAT) -> bytes:
    """Return a tar with *files*: name -> content, in their order."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()
