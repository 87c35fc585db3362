"""Who sees what: strangers nothing, members what the session's visibility says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.conftest import MAJORS, Database
from tests.unit.database.batches import Person, add_member, new_person, row

pytestmark = pytest.mark.parametrize("pg", MAJORS, indirect=True)

VIEWS = ("sessions", "messages", "blocks", "tool_calls", "model_calls", "usage_slots", "projects")


@pytest.fixture
def db(pg: Database, fresh_database: Database) -> Iterator[psycopg.Connection[Any]]:
    with fresh_database.connect() as connection:
        yield connection


@pytest.fixture
def ada(db: psycopg.Connection[Any]) -> Person:
    ada = new_person(db)
    ada.ingest(
        sessions=[row(0, project_root="/p", cwd="/p", branch="b", title="T", title_rank=1)],
        messages=[row(1, position=1, role="user", kind="prompt", at="2026-11-01T10:00:00Z")],
        blocks=[row(2, message=row(1)["id"], position=1, kind="text", text="hi")],
        tool_calls=[row(3, message=row(1)["id"], position=1, name="Bash")],
        model_calls=[row(4, message=row(1)["id"], model="m", output_tokens=1, cost_usd="1")],
    )
    return ada


def visible(person: Person) -> set[str]:
    return {view for view in VIEWS if person.read(f"select * from api.{view}")}


def test_owners_see_all_of_theirs_and_strangers_nothing(
    ada: Person, db: psycopg.Connection[Any]
) -> None:
    stranger = new_person(db)
    assert visible(ada) == set(VIEWS)
    assert visible(stranger) == set()
    session = ada.one("select id from api.sessions")["id"]
    assert stranger.one("select api.get_replay(%s)", session) == {"get_replay": []}
    assert stranger.read("select * from api.find_sessions('s1')") == []


@pytest.mark.parametrize(
    ("visibility", "seen"),
    [
        ("private", set()),
        ("metrics", {"sessions", "model_calls", "usage_slots"}),
        ("tools", {"sessions", "model_calls", "usage_slots", "tool_calls", "projects"}),
        ("full", set(VIEWS)),
    ],
)
def test_members_see_as_far_as_a_session_is_shared(
    ada: Person, db: psycopg.Connection[Any], visibility: str, seen: set[str]
) -> None:
    member = new_person(db)
    workspace = ada.one("select id from api.workspaces")["id"]
    add_member(db, workspace, member)
    db.execute("update public.sessions set visibility = %s", (visibility,))
    assert visible(member) == seen
    if seen:
        hidden = member.one("select title, cwd, branch from api.sessions")
        assert (hidden["cwd"] is None) == (visibility == "metrics")
        assert (hidden["title"] is None) == (visibility != "full")


def test_every_table_has_row_level_security_and_anon_has_no_table(
    ada: Person, db: psycopg.Connection[Any]
) -> None:
    tables = db.execute(
        "select c.oid::regclass::text, relrowsecurity, has_table_privilege('anon', c.oid, 'select')"
        " from pg_class c join pg_namespace n on n.oid = relnamespace"
        " where relkind = 'r' and nspname in ('public', 'private', 'api')"
    ).fetchall()
    assert len(tables) >= 11
    assert [name for name, has_rls, _ in tables if not has_rls] == []
    assert [name for name, _, anon_reads in tables if anon_reads] == []


def test_definer_functions_are_those_we_know_and_have_a_fixed_search_path(
    ada: Person, db: psycopg.Connection[Any]
) -> None:
    rows = db.execute(
        "select p.oid::regprocedure::text, prosecdef, proconfig from pg_proc p"
        " join pg_namespace n on n.oid = pronamespace where nspname in ('public','private','api')"
    ).fetchall()
    assert all(config and 'search_path=""' in config for _, _, config in rows), rows
    assert {name for name, is_definer, _ in rows if is_definer} == {
        "private.my_workspace_ids()",
        "private.current_device()",
        "private.create_personal_workspace()",
        "private.shared_session_ids(visibility)",
        "private.ingest(jsonb)",
        "private.set_prices(jsonb)",
    }


def test_only_the_exposed_functions_may_be_called(ada: Person, db: psycopg.Connection[Any]) -> None:
    callable_by = {
        role: {
            name
            for (name,) in db.execute(
                "select p.oid::regprocedure::text from pg_proc p"
                " join pg_namespace n on n.oid = pronamespace"
                " where nspname in ('api', 'private')"
                " and has_function_privilege(%s, p.oid, 'execute')",
                (role,),
            )
        }
        for role in ("anon", "authenticated")
    }
    assert callable_by["anon"] == {"api.ingest(jsonb)", "private.ingest(jsonb)"}
    assert callable_by["authenticated"] == {
        "api.get_replay(uuid,bigint,integer)",
        "api.find_sessions(text)",
        "api.get_usage(text[],text,date,date,text,text,uuid)",
        "api.get_unknown_records()",
        "api.set_prices(jsonb)",
        "private.set_prices(jsonb)",
        "private.my_workspace_ids()",
        "private.shared_session_ids(visibility)",
        "private.topic_workspace_id()",
    }


def test_every_table_and_column_says_what_it_is(ada: Person, db: psycopg.Connection[Any]) -> None:
    silent = db.execute(
        "select c.oid::regclass::text, attname from pg_class c"
        " join pg_namespace n on n.oid = relnamespace"
        " join pg_attribute a on a.attrelid = c.oid and attnum > 0 and not attisdropped"
        " where relkind = 'r' and nspname in ('public', 'private')"
        " and (col_description(c.oid, attnum) is null or obj_description(c.oid) is null)"
    ).fetchall()
    assert silent == []
