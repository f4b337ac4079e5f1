"""The session list's filter in the address."""

from __future__ import annotations

from datetime import date
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.errors import BadAddressError
from dashboard.query import SessionQuery

QUERIES = st.builds(
    SessionQuery,
    site=st.none() | st.integers(0, 99),
    connector=st.none() | st.integers(0, 99),
    status=st.sampled_from([None, "settled", "unfunded", "rejected"]),
    reason=st.none() | st.integers(0, 255),
    assurance=st.none() | st.integers(0, 3),
    campaign=st.none() | st.integers(0, 2**32 - 1),
    since=st.none() | st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    until=st.none() | st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    after=st.none() | st.integers(0, 2**60),
)


@given(QUERIES)
def test_an_address_says_the_whole_filter(query: SessionQuery) -> None:
    assert SessionQuery.parse(dict(parse_qsl(query.address()[1:]))) == query


def test_empty_fields_of_a_form_narrow_nothing() -> None:
    names = ("site", "connector", "status", "assurance", "since", "until")
    query = SessionQuery.parse(dict.fromkeys(names, ""))
    assert query == SessionQuery()
    assert not query.any


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("site", "x"),
        ("site", "-1"),
        ("connector", str(1 << 40)),
        ("status", "paid"),
        ("assurance", "4"),
        ("since", "22.11.2026"),
        ("after", "soon"),
    ],
)
def test_what_cannot_be_read_names_the_field(name: str, value: str) -> None:
    with pytest.raises(BadAddressError, match=name):
        SessionQuery.parse({name: value})


def test_paging_is_not_narrowing() -> None:
    assert not SessionQuery(after=5).any
    assert SessionQuery(site=5).any
