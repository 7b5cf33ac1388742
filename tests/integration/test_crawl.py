"""Going through all pages: each link leads somewhere, looking writes nothing, no form is taken without its token."""

import pytest

from portal.extensions import Base
from tests.crawling import crawl
from tests.integration.test_routes import address_of, table
from tests.standing import Rows
from tests.tenants import Tenants

NEW = "a new row"
MAY_BE_NOTED = {
    "audit_event": {NEW},  # only of `SEEN`
    "audit_head": {"sequence", "hash"},
    "claim": {NEW},  # who has a report before them
    "read_log": {NEW},
    "notice": {"opened_at", "opened_by_id"},
    "report": {"review_begun_at", "review_begun_by_id"},
    "sanction": {"opened_at", "opened_by_id"},
}
"""What looking at a page may write besides when the browser was seen: table -> its columns."""
SEEN = {"notice.opened", "decision.opened", "review.begun"}
"""What the trail may say of looking."""
WITHOUT_TOKEN = {"/sign-in/from/name/ended": "a provider's own server sends it, signed by the provider"}
"""Addresses of the table that take a POST without a form's token, and why they may."""


@pytest.mark.parametrize("who", ["supplier", "buyer"])
def test_every_link_leads_somewhere_and_looking_writes_nothing(tenants: Tenants, who: str) -> None:
    before = tenants.rows()
    found = crawl(tenants, who)
    assert len(found) > 50
    assert [(address, each.status) for address, each in found.items() if each.status_code not in {200, 303}] == []
    for name, columns in _changes(before, tenants.rows()).items():
        assert columns <= MAY_BE_NOTED.get(name, set()), name
    noted = [row["action"] for row in tenants.rows()["audit_event"] if row not in before["audit_event"]]
    assert set(noted) <= SEEN
    for address, answer in found.items():
        assert answer.headers["Cache-Control"] == "no-store", address
        assert answer.headers["X-Content-Type-Options"] == "nosniff", address
        assert "Content-Security-Policy" in answer.headers, address


def _changes(before: Rows, after: Rows) -> dict[str, set[str]]:
    """Table -> the columns that are others than before."""
    found: dict[str, set[str]] = {}
    for name, rows in after.items():
        key = [column.name for column in Base.metadata.tables[name].primary_key]
        old = {tuple(row[each] for each in key): row for row in before[name]}
        assert len(rows) >= len(old), name
        for row in rows:
            was = old.get(tuple(row[each] for each in key))
            changed = {NEW} if was is None else {column for column in row if row[column] != was[column]}
            if changed:
                found.setdefault(name, set()).update(changed)
    return found


def test_no_form_is_taken_without_its_token(tenants: Tenants) -> None:
    before = tenants.rows()
    tenants.app.config["WTF_CSRF_ENABLED"] = True
    try:
        for line in table():
            if line.method != "GET" and line.address not in WITHOUT_TOKEN:
                for who, token in (("buyer", {}), ("supplier", {"csrf_token": "IjAi.aaaa.bbbb"})):
                    answer = tenants.ask(who, line.method, address_of(line, tenants), data=token)
                    assert answer.status_code == 400, (line, who)
    finally:
        tenants.app.config["WTF_CSRF_ENABLED"] = False
    assert tenants.rows() == before
