"""Log lines as `key=value` pairs: what happened to which thing, never what a transcript says."""

from __future__ import annotations

import logging
import logging.handlers
import sys
import time
import traceback
from io import TextIOWrapper
from pathlib import Path

from claude_code_tracer.paths import create_private_file

__all__ = ["crash", "event", "setup_logging"]

_FRAMES = 12
_FORMAT = "%(asctime)s.%(msecs)03dZ level=%(levelname)s %(message)s"


class _PrivateRotatingFile(logging.handlers.RotatingFileHandler):
    """A rotating log whose files are 0600 from their first byte (S38)."""

    def _open(self) -> TextIOWrapper:
        create_private_file(Path(self.baseFilename))
        return super()._open()


def setup_logging(file: Path | None, *, max_bytes: int, files: int, verbose: bool = False) -> None:
    """Send log lines to `file` (rotated), or to stderr when it is None."""
    handler: logging.Handler = (
        _PrivateRotatingFile(file, maxBytes=max_bytes, backupCount=files - 1, encoding="utf-8")
        if file
        else logging.StreamHandler(sys.stderr)
    )
    formatter = logging.Formatter(_FORMAT, datefmt="%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    root = logging.getLogger("claude_code_tracer")
    root.handlers[:] = [handler]
    root.setLevel(logging.DEBUG if verbose else logging.INFO)
    root.propagate = False


def event(stage: str, name: str, *, level: int = logging.INFO, **facts: object) -> None:
    """Write one line: `stage=reader event=generation_changed file=... old=1 new=2`."""
    logger = logging.getLogger("claude_code_tracer")
    if logger.isEnabledFor(level):
        pairs = " ".join(f"{key}={_quote(value)}" for key, value in facts.items())
        logger.log(level, "stage=%s event=%s %s", stage, name, pairs)


def crash(stage: str, exc: BaseException) -> None:
    """Write down where a defect struck: its kind and the lines of code, not what it says.

    The text of an exception we did not raise may quote a transcript.
    """
    frames = traceback.extract_tb(exc.__traceback__)[-_FRAMES:]
    at = " > ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames)
    event(stage, "crashed", level=logging.ERROR, error=type(exc).__name__, at=at)


def _quote(value: object) -> str:
    text = str(value).encode("ascii", "backslashreplace").decode()
    text = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)
    return f'"{text}"' if " " in text or not text else text
