"""What a form does not ask for is not taken: no column posted beside it, by any name, changes what is stored."""

import pytest

from portal.extensions import Base
from tests.crawling import ONES_OWN, Form, bare, difference, forms, pages, send, told_apart
from tests.standing import Rows
from tests.tenants import Tenants

WISHED = {
    "role_codes": '["administrator", "decision_maker"]',
    "roles": "administrator",
    "is_admin": "1",
    "active": "1",
    "state": "approved",
    "status": "approved",
    "company": "1",
    "company_id": "4",
    "owner": "1",
    "membership": "1",
    "acting_for": "1",
    "by": "1",
    "user_id": "1",
    "decided_by": "1",
    "signed_by": "1",
    "_method": "DELETE",
    "amount": "1",
    "created_at": "2020-01-01T00:00:00",
}
"""What somebody might try, besides every column that there is."""

WRITTEN = {
    "amount": "1",
    "change_reason": "Avtalt.",
    "comment": "Sett på.",
    "cpv": "",
    "deemed_working_days": "3",
    "departed_on": "",
    "doffin": "",
    "due_time": "23:59",
    "engine_year": "2020",
    "handed_over_on": "2026-06-01",
    "notice_working_days": "10",
    "reason": "Det er sagt hvorfor.",
    "supplier_number": "310000027",
    "ted": "",
    "words": "Det er sagt hvorfor.",
}
"""What is written into fields that forms are refused without, by the last part of their names."""
ROLES = {"supplier": "reporter", "buyer": "reviewer"}
"""What somebody may be alone, by who writes it."""

OFFERED_ELSEWHERE = {"is_complete": "what a supplier says of its own reply, while its time to reply runs"}
"""Columns that a form asks for at other times than the small lives have."""


def done(tenants: Tenants, who: str, form: Form, before: Rows) -> str:
    """What a form is answered, and what is written by it."""
    with tenants.unchanged():
        answer = send(tenants, who, form)
        return f"{answer.status_code}\n{bare(answer)}\n{told_apart(tenants.written(before))}"


def filled_in(form: Form, who: str) -> Form:
    """The form with what it is refused without."""
    last = {name: name.rpartition("-")[2] for name, _value in form.values}
    said = {name: WRITTEN[part] for name, part in last.items() if part in WRITTEN}
    return form.having(**said, **({"roles": ROLES[who]} if "roles" in form.names else {}))


def more_of(form: Form, tenants: Tenants, asked_somewhere: frozenset[str]) -> dict[str, str]:
    """Every column that no form of the portal has a field for, alone and as a part of each of this form's parts."""
    columns = {column.name for found in Base.metadata.tables.values() for column in found.columns}
    theirs = tenants.second.ids
    numbers = {name: "4" for name in columns if name.endswith("_id")}
    wished = {**dict.fromkeys(columns, "1"), **numbers, "public_id": theirs["contract"][0], **WISHED}
    parts = {"", *(name.rpartition("-")[0] + "-" for name in form.names if "-" in name)}
    last_words = {name.rpartition("-")[2].removeprefix("in_") for name in asked_somewhere}
    return {
        f"{part}{name}": value
        for part in parts
        for name, value in wished.items()
        if name not in last_words | OFFERED_ELSEWHERE.keys() and f"{part}{name}" not in form.names
    }


@pytest.mark.parametrize("who", ["supplier", "buyer"])
def test_what_a_form_does_not_ask_for_is_not_taken(tenants: Tenants, who: str) -> None:
    shown = [form for form in forms(pages(tenants, who)) if form.method == "POST"]
    every = [filled_in(form, who) for form in shown if not form.action.startswith(ONES_OWN)]
    asked_somewhere = frozenset[str]().union(*(form.names for form in every))
    taken, before = 0, tenants.rows()
    for form in every:
        plain = done(tenants, who, form, before)
        more = more_of(form, tenants, asked_somewhere)
        assert {"public_id", "buyer_id", "supplier_id", "role_codes", "decided_by_id"} <= more.keys()
        assert difference(done(tenants, who, form.having(**more), before), plain) is None, form
        taken += plain[:3] in {"200", "204", "303"}
    assert taken > len(every) * 0.7, "too many forms were refused: nothing is shown by them"
