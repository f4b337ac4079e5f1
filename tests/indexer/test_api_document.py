"""The read API does what its own OpenAPI document says, whatever is asked (schemathesis)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import schemathesis

# Loaded when first needed, and then in the middle of a run: CPython 3.11 fails to parse a module
# while a finalizer's traceback is parsed as well (python/cpython#106905).
import schemathesis.specs.openapi.schemas
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    positive_data_acceptance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from indexer.api.app import application
from tests.indexer.api_world import make

ROOT = Path(__file__).resolve().parents[2]
CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
    positive_data_acceptance,
    unsupported_method,
)


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Any:
    app = application(make(tmp_path_factory.mktemp("api")).engine)
    return schemathesis.openapi.from_asgi("/openapi.json", app)


# But for the stream, which has no end that a caller could wait for.
api = schemathesis.pytest.from_fixture("document").exclude(path="/v1/events")
SAME_EVERY_TIME = settings(
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate),
)


@api.parametrize()
@settings(SAME_EVERY_TIME, max_examples=8)
def test_answers_are_as_documented(case: schemathesis.Case[Any]) -> None:
    case.call_and_validate(checks=list(CHECKS))


@pytest.mark.deep
@api.parametrize()
@settings(SAME_EVERY_TIME, max_examples=300)
def test_answers_are_as_documented_at_length(case: schemathesis.Case[Any]) -> None:
    case.call_and_validate(checks=list(CHECKS))


def test_every_endpoint_is_described(document: Any) -> None:
    text = (ROOT / "docs" / "indexer.md").read_text()
    described = set(re.findall(r"^\| `(/v1/[^`]+)` \|", text, re.MULTILINE))
    served = {path for path in document.raw_schema["paths"] if path.startswith("/v1/")}
    assert described == served
