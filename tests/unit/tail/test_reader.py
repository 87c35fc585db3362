from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_code_tracer.errors import FileBusy
from claude_code_tracer.tail.fingerprint import Fingerprint
from claude_code_tracer.tail.lines import Oversize, Piece, Splitter
from claude_code_tracer.tail.reader import Limits, open_tail

NEW = Fingerprint()
LIMITS = Limits(line_max=1000)


def _read(
    path: Path, known: Fingerprint = NEW, limits: Limits = LIMITS
) -> tuple[list[bytes], Fingerprint]:
    lines: list[bytes] = []
    with open_tail(str(path), known) as file:
        if file.is_other:
            known = NEW
        for chunk in file.chunks(limits):
            lines += [line.raw for line in chunk.lines]
            known = chunk.fingerprint
    return lines, known


def _split(content: bytes, sizes: list[int], line_max: int = 1000) -> list[Piece | Oversize]:
    items: list[Piece | Oversize] = []
    splitter, position = Splitter(0, line_max), 0
    sizes = [*sizes, len(content)]
    for size in sizes:
        items += splitter.feed(content[position : position + size])
        position += size
    return items


@given(
    st.lists(st.binary(max_size=40).map(lambda raw: raw.replace(b"\n", b"")), max_size=8),
    st.binary(max_size=10).map(lambda raw: raw.replace(b"\n", b"")),
    st.lists(st.integers(1, 30), max_size=20),
)
@settings(max_examples=200, deadline=None)
def test_any_blocks_give_the_same_lines(lines: list[bytes], rest: bytes, sizes: list[int]) -> None:
    content = b"".join(line + b"\n" for line in lines) + rest
    items = _split(content, sizes, line_max=20)
    assert [content[item.start : item.end - 1] for item in items] == lines
    for item, line in zip(items, lines, strict=True):
        if len(line) > 20:
            assert isinstance(item, Oversize)
            assert item.sha256 == sha256(line + b"\n").hexdigest()
        else:
            assert isinstance(item, Piece) and item.raw == line


def test_partial_last_line_waits(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"one\ntw")
    lines, known = _read(path)
    assert (lines, known.cursor) == ([b"one"], 4)
    with path.open("ab") as file:
        file.write(b"o\nthree\n")
    lines, known = _read(path, known)
    assert (lines, known.cursor) == ([b"two", b"three"], 14)


def test_only_newline_ends_a_line(tmp_path: Path) -> None:
    path = tmp_path / "f"
    odd = "a\u2028b\u0085c\x1cd\re".encode()
    path.write_bytes(odd + b"\n")
    assert _read(path)[0] == [odd]


@pytest.mark.parametrize("block", range(1, 8))
def test_f12_block_boundary_may_fall_into_a_character(tmp_path: Path, block: int) -> None:
    path = tmp_path / "f"
    lines = ["😀é漢".encode(), "🏳️‍🌈".encode(), b""]
    path.write_bytes(b"\n".join([*lines, b""]))
    limits = Limits(line_max=1000, block_bytes=block)
    assert _read(path, limits=limits)[0] == lines


def test_chunks_are_bounded(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"x" * 9 + b"\n" + (b"y" * 9 + b"\n") * 24)
    for limits in (
        Limits(line_max=1000, chunk_bytes=40),
        Limits(line_max=1000, chunk_lines=4),
    ):
        with open_tail(str(path), NEW) as file:
            chunks = list(file.chunks(limits))
        assert [len(chunk.items) for chunk in chunks] == [4, 4, 4, 4, 4, 4, 1]
        assert chunks[-1].fingerprint.cursor == 250


def test_reading_on_from_any_chunk_gives_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "f"
    lines = [b"%04d" % number * (number % 7) for number in range(300)]
    path.write_bytes(b"\n".join([*lines, b""]))
    with open_tail(str(path), NEW) as file:
        chunks = list(file.chunks(Limits(line_max=1000, chunk_lines=7)))
    for number, chunk in enumerate(chunks):
        rest, known = _read(path, chunk.fingerprint)
        assert rest == lines[(number + 1) * 7 :]
        assert known.cursor == path.stat().st_size or not rest


def test_long_line_is_passed_by(tmp_path: Path) -> None:
    path = tmp_path / "f"
    long = b"L" * 5000
    path.write_bytes(b"one\n" + long + b"\ntwo\n")
    with open_tail(str(path), NEW) as file:
        (chunk,) = file.chunks(Limits(line_max=1000, block_bytes=64))
    assert [line.raw for line in chunk.lines] == [b"one", b"two"]
    (over,) = chunk.oversize
    assert (over.start, over.end) == (4, 5005)
    assert over.sha256 == sha256(long + b"\n").hexdigest()
    with open_tail(str(path), chunk.fingerprint) as file:
        assert not file.is_other


@pytest.mark.parametrize("first", [b"L" * 5000, b"L" * 1024, b"short", b""])
def test_fingerprint_holds_whatever_the_first_line_is(tmp_path: Path, first: bytes) -> None:
    path = tmp_path / "f"
    path.write_bytes(first + b"\n")
    _, known = _read(path)
    with path.open("ab") as file:
        file.write(b"more\n" * 500)
    lines, known = _read(path, known)
    assert lines == [b"more"] * 500
    with open_tail(str(path), known) as file:
        assert not file.is_other


def test_line_at_the_limit_is_read(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"a" * 1000 + b"\n" + b"b" * 1001 + b"\n")
    assert _read(path)[0] == [b"a" * 1000]


@pytest.mark.parametrize(
    "content",
    [b"", b"one\n", b"eno\nowt\n", b"one\nTwo\n", b"other\nlines\nmany more than before\n"],
    ids=["emptied", "shorter", "same size", "same size and head", "larger"],
)
def test_other_content_is_noticed(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"one\ntwo\n")
    _, known = _read(path)
    path.write_bytes(content)
    with open_tail(str(path), known) as file:
        assert file.is_other and file.cursor == 0


def test_edit_behind_the_first_kilobyte_is_noticed_by_the_mark(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"a" * 3000 + b"\n" + b"b" * 99 + b"\n")
    _, known = _read(path, limits=Limits(line_max=5000))
    path.write_bytes(b"a" * 3000 + b"\n" + b"c" * 99 + b"\n")
    with open_tail(str(path), known) as file:
        assert file.is_other


def test_same_prefix_in_a_new_file_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"one\n")
    _, known = _read(path)
    (tmp_path / "new").write_bytes(b"one\ntwo\n")
    (tmp_path / "new").replace(path)
    assert _read(path, known)[0] == [b"two"]


def test_rewritten_while_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"old line 1\nold line 2\nold line 3\n")
    with open_tail(str(path), NEW) as file:
        chunks = file.chunks(Limits(line_max=1000, chunk_lines=1, block_bytes=11))
        assert next(chunks).lines[0].raw == b"old line 1"
        path.write_bytes(b"new LINE 1\nnew LINE 2\nnew LINE 3\n")
        with pytest.raises(FileBusy):
            next(chunks)


def test_f38_f39_refuses_a_link_and_does_not_block_on_a_fifo(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"x\n")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    os.mkfifo(tmp_path / "fifo")
    for name in ("link", "fifo"):
        with pytest.raises(FileBusy):
            open_tail(str(tmp_path / name), NEW)


def test_missing_file_passes_through(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_tail(str(tmp_path / "nowhere"), NEW)


def test_f41_f46_io_error_is_told_with_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "caf\udce9"
    path.write_bytes(b"x\n")
    with open_tail(str(path), NEW) as file:

        def fail(*_: object) -> bytes:
            raise OSError(5, "Input/output error")

        monkeypatch.setattr(os, "pread", fail)
        with pytest.raises(FileBusy, match=r"caf\\udce9 \(Input/output error\)"):
            list(file.chunks(LIMITS))
        monkeypatch.undo()
