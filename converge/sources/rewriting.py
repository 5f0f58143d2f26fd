"""A file's new content in place of the old: whole or not at all, with the old one's mode and owner, through symbolic links."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress


def rewrite(path: str, data: bytes) -> None:
    """Raises OSError; the file is then as it was. The name begins with a dot, so nobody reads it as a state file meanwhile."""
    real = os.path.realpath(path)
    before = os.stat(real)
    handle, name = tempfile.mkstemp(prefix=f".{os.path.basename(real)}.", dir=os.path.dirname(real))
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            with suppress(PermissionError):  # only root may give files away
                os.fchown(handle, before.st_uid, before.st_gid)
            os.fchmod(handle, before.st_mode & 0o7777)
            os.fsync(handle)
        os.replace(name, real)
    except BaseException:
        os.unlink(name)
        raise
