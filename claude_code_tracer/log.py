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

__all__ = ["crash", "event", "place_of", "setup_logging"]

_FRAMES = 12
_REPEAT_S = 60.0
_KNOWN_MAX = 1000
_FORMAT = "%(asctime)s.%(msecs)03dZ level=%(levelname)s %(message)s"


class _PrivateRotatingFile(logging.handlers.RotatingFileHandler):
    """A rotating log whose files are 0600 from their first byte (S38)."""

    def _open(self) -> TextIOWrapper:
        create_private_file(Path(self.baseFilename))
        return super()._open()


class _OncePerMinute(logging.Filter):
    """Let a line pass once a minute per stage, event and first fact; count those left out."""

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[object, tuple[float, int]] = {}
        """When it was written last, and how often it was left out since."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether `record` is to be written; one that is says how many were not."""
        head = getattr(record, "head", None)
        if head is None or record.levelno <= logging.DEBUG:
            return True
        at, left_out = self._known.get(head, (float("-inf"), 0))
        if 0 <= record.created - at < _REPEAT_S:
            self._known[head] = at, left_out + 1
            return False
        if len(self._known) >= _KNOWN_MAX:
            self._known.clear()
        self._known[head] = record.created, 0
        if left_out:
            record.msg = f"{record.msg} repeated={left_out}"
        return True


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
    handler.addFilter(_OncePerMinute())
    root = logging.getLogger("claude_code_tracer")
    root.handlers[:] = [handler]
    root.setLevel(logging.DEBUG if verbose else logging.INFO)
    root.propagate = False


def event(stage: str, name: str, *, level: int = logging.INFO, **facts: object) -> None:
    """Write one line: `stage=reader event=generation_changed file=... old=1 new=2`."""
    logger = logging.getLogger("claude_code_tracer")
    if logger.isEnabledFor(level):
        pairs = " ".join(f"{key}={_quote(value)}" for key, value in facts.items())
        head = stage, name, next(map(str, facts.values()), "")
        logger.log(level, "stage=%s event=%s %s", stage, name, pairs, extra={"head": head})


def crash(stage: str, exc: BaseException) -> None:
    """Write down where a defect struck: its kind and the lines of code, not what it says.

    The text of an exception we did not raise may quote a transcript.
    """
    at = _lines_of(traceback.extract_tb(exc.__traceback__))
    event(stage, "crashed", level=logging.ERROR, error=type(exc).__name__, at=at)


def place_of(thread: int | None) -> str:
    """Return which lines of code a thread is in, by its ident."""
    frame = sys._current_frames().get(thread or 0)
    return _lines_of(traceback.extract_stack(frame)) if frame else "nowhere"


def _lines_of(stack: traceback.StackSummary) -> str:
    return " > ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in stack[-_FRAMES:])


def _quote(value: object) -> str:
    text = str(value).encode("ascii", "backslashreplace").decode()
    text = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)
    return f'"{text}"' if " " in text or not text else text
