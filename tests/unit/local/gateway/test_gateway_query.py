"""From a query string to values, and from values to SQL that binds them."""

from __future__ import annotations

import pytest

from claude_code_tracer.local.gateway.errors import ApiError
from claude_code_tracer.local.gateway.query import (
    Condition,
    Field,
    Group,
    Order,
    Query,
    Selected,
    is_filter,
    parse_pairs,
    parse_query,
)
from claude_code_tracer.local.gateway.schema import Argument, Function, Relation
from claude_code_tracer.local.gateway.statement import Page, compose_call, compose_read

THINGS = Relation("things", {"id": "integer", "name": "text", "data": "jsonb", 'q"t': "text"})


def parse(text: str) -> Query:
    return parse_query(parse_pairs(text))


def compose(text: str) -> tuple[str, tuple[bytes, ...]]:
    composed = compose_read("api", THINGS, Page(parse(text), 1000))
    return composed.text.decode(), composed.params


def test_nothing_asked_is_everything() -> None:
    assert parse("") == Query()
    assert parse("select=") == Query(select=(Selected(None),))


def test_select() -> None:
    assert parse('select=id,n:name,"a,b",data->x->>y,data->0').select == (
        Selected(Field("id"), "id"),
        Selected(Field("name"), "n"),
        Selected(Field("a,b"), "a,b"),
        Selected(Field("data", ("x", "y"), True), "y"),
        Selected(Field("data", (0,)), "data"),
    )


def test_conditions() -> None:
    assert parse("id=eq.1&name=not.like.a*&id=in.(1,%222,3%22)&name=fts(english).cat").where == (
        Condition(Field("id"), "eq", "1"),
        Condition(Field("name"), "like", "a*", negated=True),
        Condition(Field("id"), "in", ("1", "2,3")),
        Condition(Field("name"), "fts", "cat", config="english"),
    )


def test_values_are_taken_as_they_are() -> None:
    (condition,) = parse('name=eq."a.b,(c)"').where
    assert condition == Condition(Field("name"), "eq", '"a.b,(c)"')
    (group,) = parse(r'or=(name.eq."a.b,(\"c\")",id.is.null)').where
    assert isinstance(group, Group)
    assert group.members[0] == Condition(Field("name"), "eq", 'a.b,("c")')


def test_logic_nests() -> None:
    (group,) = parse("not.or=(id.gt.1,and(id.lt.5,name.not.is.null))").where
    assert group == Group(
        "or",
        (
            Condition(Field("id"), "gt", "1"),
            Group(
                "and",
                (
                    Condition(Field("id"), "lt", "5"),
                    Condition(Field("name"), "is", "null", negated=True),
                ),
            ),
        ),
        negated=True,
    )


def test_order_limit_and_offset() -> None:
    query = parse("order=id.desc.nullslast,name,data->x.nullsfirst&limit=5&offset=10")
    assert query.order == (
        Order(Field("id"), True, False),
        Order(Field("name")),
        Order(Field("data", ("x",)), False, True),
    )
    assert (query.limit, query.offset) == (5, 10)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("id=1", "PGRST100"),
        ("id=eq", "PGRST100"),
        ("id=zz.1", "PGRST100"),
        ("id=in.1", "PGRST100"),
        ("id=is.maybe", "PGRST100"),
        ("or=id.eq.1", "PGRST100"),
        ("or=(id)", "PGRST100"),
        ('or=(name.eq."x', "PGRST100"),
        ("or=" + "(and" * 15 + "(id.eq.1)" + ")" * 15, "PGRST100"),
        ("order=id.up", "PGRST100"),
        ("order=id.asc.desc", "PGRST100"),
        ("limit=1.5", "PGRST100"),
        ("limit=99999999999999999999", "PGRST100"),
        ("limit=-1", "PGRST103"),
        ("select=id->", "PGRST100"),
        ("name=eq.%00", "PGRST100"),
        ("&".join(["id=eq.1"] * 101), "PGRST100"),
        ("other.id=eq.1", "PGRST108"),
        ("select=other(*)", "PGRST127"),
        ("select=id::text", "PGRST127"),
        ("select=count()", "PGRST127"),
        ("select=...other(x)", "PGRST127"),
        ("id=eq(any).{1,2}", "PGRST127"),
    ],
)
def test_what_cannot_be_understood_is_refused(text: str, code: str) -> None:
    with pytest.raises(ApiError) as refused:
        parse(text)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("a", "eq.1", True),
        ("a", "not.in.(1)", True),
        ("a", "fts(english).x", True),
        ("or", "(a.eq.1)", True),
        ("limit", "1", True),
        ("a", "1", False),
        ("a", "a.b", False),
        ("a", "equal.1", False),
    ],
)
def test_filters_are_told_from_arguments(name: str, value: str, expected: bool) -> None:
    assert is_filter(name, value) is expected


def test_values_are_bound_and_names_quoted() -> None:
    evil = "x'; drop table things; --"
    text, params = compose(f"name=eq.{evil}&order=%22q%5C%22t%22&select=%22a%5C%22b%22:name")
    assert evil not in text and evil.encode() in params
    assert '"q""t"' in text and 'as "a""b"' in text
    text, params = compose(f"data->>{evil}=eq.1&id=in.(1,%22{evil}%22)")
    assert "drop" not in text
    assert evil.encode() in params


@pytest.mark.parametrize("text", ["nope=eq.1", "select=nope", "order=nope", "or=(nope.is.null)"])
def test_only_known_columns_reach_sql(text: str) -> None:
    with pytest.raises(ApiError) as refused:
        compose(text)
    assert (refused.value.status, refused.value.code) == (400, "42703")


def test_lists_become_one_array() -> None:
    _, params = compose(r'name=in.("a\"b","c\\d",null,"")')
    assert params[0] == rb'{"a\"b","c\\d","null",""}'


def test_pages_are_capped() -> None:
    assert compose("limit=5")[1] == (b"5",)
    assert compose("limit=5000")[1] == compose("")[1] == (b"1000",)


def test_calls_bind_their_arguments() -> None:
    function = Function(
        oid=1,
        name="f",
        arguments=(Argument("a", "uuid", True), Argument("b", "jsonb", True)),
        kind="scalar",
        returns_set=False,
        volatile=True,
        return_type="jsonb",
        result=Relation("f", {}),
    )
    arguments = [(function.arguments[0], True), (function.arguments[1], False)]
    text = compose_call("api", function, arguments, Page(Query(), 1000)).text.decode()
    assert 'json_to_record($1::json) as given("a" uuid)' in text
    assert '"api"."f"("a" => given."a", "b" => $2::jsonb)' in text
