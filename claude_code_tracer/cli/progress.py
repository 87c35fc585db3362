"""The first backfill on a terminal: how far, how fast, how long yet. Quiet when nobody watches."""

from __future__ import annotations

import sys
from types import TracebackType

import click
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from claude_code_tracer.cli.render import console, count
from claude_code_tracer.collector import CollectProgress, CollectReport
from claude_code_tracer.sync import SyncResult

__all__ = ["ScanProgress", "sync_summary"]


class _Speed(ProgressColumn):
    """MB/s while reading, records/s while sending."""

    def render(self, task: Task) -> Text:
        size, unit = task.fields["unit"]
        return Text(f"{task.speed / size:.1f} {unit}/s" if task.speed else "")


class ScanProgress:
    """A progress bar on stderr; nothing at all when stderr is no terminal."""

    def __init__(self, *, enabled: bool) -> None:
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:>3.0f}%  {task.fields[facts]}"),
            _Speed(),
            TimeRemainingColumn(compact=True),
            console=console(stderr=True),
            transient=True,
            disable=not (enabled and sys.stderr.isatty()),
        )
        self._task = self._bar.add_task(
            "collecting", total=None, facts="looking for transcripts", unit=(1_000_000, "MB")
        )
        self._is_sending = False

    def __enter__(self) -> ScanProgress:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def update(self, at: CollectProgress) -> None:
        """Show how far the scan is."""
        if self._is_sending:
            return
        facts = f"{at.files_done}/{at.files_total} files, {count(at.records)} records"
        if at.masked:
            facts += f", {count(at.masked)} secrets masked"
        self._bar.update(
            self._task, total=at.bytes_total or None, completed=at.bytes_done, facts=facts
        )

    def sending(self, sent: int, total: int) -> None:
        """Show how many records are sent."""
        if not self._is_sending:  # a bar of its own: the speed is another
            self._is_sending = True
            self._bar.remove_task(self._task)
            self._task = self._bar.add_task("sending", total=total, facts="", unit=(1, "records"))
        facts = f"{count(sent)} of {count(total)} records"
        self._bar.update(self._task, total=total, completed=sent, facts=facts)

    def finish(self, report: CollectReport) -> None:
        """Take the bar away and say what the first scan found."""
        self._bar.stop()
        click.echo(
            f"Collected {report.records} records from {report.files} files, "
            f"{report.masked} secrets masked. Watching for more.",
            err=True,
        )
        for problem in report.errors:
            click.echo(f"cannot read {problem}", err=True)


def sync_summary(result: SyncResult, took_s: float) -> str:
    """Say what a `sync` did, in one or a few lines."""
    lines = [
        f"Collected {result.records} records from {result.files} files, sent {result.shipped}, "
        f"masked {result.masked} secrets, in {took_s:.1f} s."
    ]
    if result.parked:
        lines.append(f"{result.parked} pieces are set aside, see why with: claude-tracer doctor")
    lines += [f"cannot read {problem}" for problem in result.unreadable]
    return "\n".join(lines)
