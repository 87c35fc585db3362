"""docs/reliability.md says what the tests show, and every fault is in it."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

from scripts.make_reliability import DOCUMENT, Faults, Group, Row, make, proofs, read_faults

FAULTS = read_faults()


def test_the_document_is_what_the_tests_say() -> None:
    made = make(FAULTS, proofs())
    assert DOCUMENT.read_text("utf-8") == made, "run: python -m scripts.make_reliability"


def test_every_fault_is_there_once_and_in_order() -> None:
    assert [row.id for row in FAULTS.rows] == [f"F{number:02}" for number in range(1, 84)]


def test_no_test_names_a_fault_that_is_not_there() -> None:
    assert set(proofs()) <= {row.id for row in FAULTS.rows}


def test_links_lead_to_tests() -> None:
    for proof in chain.from_iterable(proofs().values()):
        assert proof.file.is_relative_to(DOCUMENT.parents[1] / "tests")
        assert f"def {proof.name}(" in proof.file.read_text("utf-8")


def test_a_name_may_carry_several_ids_and_a_row_none_is_unproven(tmp_path: Path) -> None:
    source = """
class TestMore:
    def test_f02_in_a_class(self): ...
def test_f01_f02_both(): ...
def test_f1_is_no_id(): ...
def test_without(): ...
"""
    (tmp_path / "test_x.py").write_text(source)
    (tmp_path / "helper.py").write_text("def test_f03_is_not_collected(): ...\n")
    found = proofs(tmp_path)
    assert {id: [p.name for p in shown] for id, shown in found.items()} == {
        "F01": ["test_f01_f02_both"],
        "F02": ["test_f01_f02_both", "test_f02_in_a_class"],
    }
    rows = (Row("F03", "It rains", "We get wet", "no rain here"),)
    made = make(Faults("Head", (Group("Weather", rows),), "Limits"), {})
    assert made.startswith("Head\n") and made.endswith("Limits")
    assert "**1 faults, 0 tests.** Unproven: F03." in made
    assert "| F03 | It rains | We get wet | **unproven**<br>*Not here:* no rain here |" in made
