"""The command line. Commands parse arguments and print; what they do stands elsewhere."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line. The status line, drawn all the time, does not even wait for click."""
    if sys.argv[1:] == ["usage", "statusline"]:
        from claude_code_tracer.cli.statusline import print_statusline

        print_statusline()
        return
    from claude_code_tracer.cli.root import run

    run()
