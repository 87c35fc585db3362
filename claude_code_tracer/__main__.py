"""`python -m claude_code_tracer` is the same as `claude-tracer`."""

from __future__ import annotations

from claude_code_tracer.cli import main

if __name__ == "__main__":
    main()
