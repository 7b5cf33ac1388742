"""The API's own description, OpenAPI 3.1, made of what it is made of."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from portal.model import Row
from portal.permissions import Permission
from portal.web.api.shapes import SHAPES, Shape

PREFIX = "/api/v1"
USUAL, MOST = 50, 200
"""Rows of a page: unless asked otherwise, and at most."""

Document = dict[str, Any]


@dataclass(frozen=True)
class Offer:
    """One way to read: where, what comes back, who reads it, and what it asks for."""

    name: str
    path: str
    """As Flask writes it."""
    shape: Shape
    read: Callable[..., dict[str, object]]
    permission: Permission
    words: str
    about: type[Row] | None = None
    """What the address names, which `read` is given; None: nothing."""
    is_paged: bool = False
    is_list: bool = False


PROBLEM: Document = {
    "type": "object",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What is wrong and what to do."},
    },
    "required": ["type", "title", "status"],
}
REFUSALS = {
    "401": "The token is missing, not valid or lacks the scope.",
    "403": "The organisation has not let this program in.",
    "404": "It is not there, or not yours to see.",
    "422": "A parameter makes no sense.",
    "429": "Too many requests; Retry-After says for how many seconds to wait.",
    "503": "Something the portal needs does not answer just now.",
}


def description(offers: Iterable[Offer]) -> Document:
    """The whole description."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Klimakontrakt",
            "version": "1",
            "description": "Contracts, reports and figures of the organisation that the token speaks for. Read only.",
        },
        "servers": [{"url": PREFIX}],
        "security": [{"maskinporten": []}],
        "paths": {_path(offer): {"get": _operation(offer)} for offer in offers},
        "components": {
            "securitySchemes": {"maskinporten": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
            "schemas": {**{shape.name: shape.schema() for shape in SHAPES}, "Problem": PROBLEM},
        },
    }


def _path(offer: Offer) -> str:
    return re.sub(r"<uuid:public_id>", "{id}", offer.path)


def _operation(offer: Offer) -> Document:
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    refusals = {status: {"description": words, "content": problem} for status, words in REFUSALS.items()}
    found = {"description": offer.words, "content": {"application/json": {"schema": _answer(offer)}}}
    return {
        "operationId": offer.name,
        "summary": offer.words,
        "parameters": list(_parameters(offer)),
        "responses": {"200": found, **refusals},
    }


def _parameters(offer: Offer) -> Iterable[Document]:
    row = {"type": "string", "format": "uuid"}
    if "<uuid:" in offer.path:
        yield {"name": "id", "in": "path", "required": True, "schema": row}
    if offer.is_paged:
        size = {"type": "integer", "minimum": 1, "maximum": MOST, "default": USUAL}
        yield {"name": "limit", "in": "query", "schema": size}
        yield {"name": "after", "in": "query", "schema": row, "description": "The last row of the page before."}


def _answer(offer: Offer) -> Document:
    one = {"$ref": f"#/components/schemas/{offer.shape.name}"}
    if not (offer.is_paged or offer.is_list):
        return one
    following = {"type": ["string", "null"], "description": "Address of the next page; nothing on the last."}
    return {
        "type": "object",
        "properties": {"items": {"type": "array", "items": one}, "next": following},
        "required": ["items", "next"],
        "additionalProperties": False,
    }
