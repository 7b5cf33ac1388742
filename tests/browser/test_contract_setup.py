"""A contract from nothing to its first open period, as a contract manager meets it; and without JavaScript."""

from datetime import UTC, datetime

import pytest

from portal.extensions import db, transaction
from portal.files import XLSX
from portal.model import Contract
from tests.browser.conftest import Visit, settle
from tests.browser.server import Portal
from tests.browser.visitor import Visitor
from tests.contracts import filled, require_something

pytestmark = pytest.mark.browser

IN_MARCH = datetime(2026, 3, 10, 9, tzinfo=UTC)


def fills_in(visitor: Visitor, **fields: str) -> Visitor:
    """Fields by the key of their fact."""
    for key, value in fields.items():
        control = visitor.main.locator(f"[name='{key}']")
        kind = control.first.get_attribute("type")
        if kind == "radio":
            visitor.main.locator(f"[name='{key}'][value='{value}']").check()
        elif kind == "checkbox":
            control.check()
        elif control.first.evaluate("each => each.tagName") == "SELECT":
            control.select_option(value)
        else:
            control.fill(value)
    return visitor


def begins(visitor: Visitor) -> Visitor:
    visitor.follows("Contracts").follows("New contract")
    fills_in(
        visitor,
        reference="K-7",
        title="Prøvebrua",
        supplier_number="310000027",
        starts_on="01.03.2026",
        ends_on="28.02.2027",
    )
    return visitor.presses("Save and go on")


def goes_through(visitor: Visitor, *, look: bool) -> None:
    """Every page of the set-up in its order, each left by its button."""
    words = visitor.words
    pages: tuple[tuple[str, dict[str, str]], ...] = (
        ("Save and go on", {"value": "12 500 000"}),
        ("Save and go on", {"doffin": "2026-123456", "cpv": "45221100"}),
        ("Add", {"site_name": "Brukaret nord", "site_address": "Elveveien 3"}),
        ("Go on", {}),
        ("Add", {"side": "buyer", "name": "Berit Byggherre", "email": "berit@prove.example"}),
        ("Add", {"side": "supplier", "name": "Anna Prøve", "email": "anna@prove.example"}),
        ("Go on", {}),
        ("Save and go on", {"kind_machinery": "y", "kind_fuel": "y"}),
        ("Save and go on", {"basis_boundary": "inside", "basis_fuel": "nir-2021", "basis_biofuel": "zero"}),
        ("Save and go on", {"counted_others": "use"}),
        ("Save and go on", {"reporting_clause": "5.1"}),
        ("Save and go on", {}),
    )
    for button, fields in pages:
        if look:
            visitor.looks()
        fills_in(visitor, **fields)
        if button == "Go on":
            visitor.main.get_by_role("link", name=words("Go on"), exact=True).click()
        else:
            visitor.presses(button)


def agrees_on_something(portal: Portal) -> None:
    """What the pages for requirements do."""
    with portal.app.app_context(), transaction() as session:
        contract = session.query(Contract).filter_by(reference="K-7").one()
        require_something(contract)


@pytest.mark.parametrize("scripts", [True, False])
def test_from_nothing_to_the_first_open_period(small_portal: Portal, visit: Visit, *, scripts: bool) -> None:
    settle(small_portal)
    small_portal.wait_until(IN_MARCH)
    adam = visit(small_portal, scripts=scripts).signs_in("adam@prove.example")
    begins(adam)
    if scripts:
        adam.looks()
    adam.reads("This is missing:").follows("Verdi")
    goes_through(adam, look=scripts)
    agrees_on_something(small_portal)
    adam.goes_to(f"/contracts/{_public_id(small_portal)}").sees(adam.words("Start the contract"))
    if scripts:
        adam.looks()
    adam.presses("Start the contract").reads(
        "The contract has started. The supplier sees it now, and the first period opens by itself."
    )
    small_portal.wait_until(IN_MARCH)
    adam.page.reload()
    adam.sees("mars 2026")
    anna = visit(small_portal, scripts=scripts).signs_in("anna@prove.example")
    anna.row("Prøvebrua").filter(has_text="mars 2026").get_by_role("link").first.click()
    anna.sees("Prøvebrua")
    if scripts:
        anna.looks()


def _public_id(portal: Portal) -> str:
    with portal.app.app_context():
        found = db.session.query(Contract).filter_by(reference="K-7").one()
        return str(found.public_id)


def test_what_is_wrong_is_said_and_kept(small_portal: Portal, visit: Visit) -> None:
    settle(small_portal)
    small_portal.wait_until(IN_MARCH)
    adam = visit(small_portal).signs_in("adam@prove.example")
    adam.follows("Contracts").looks()
    adam.follows("New contract").looks()
    fills_in(adam, reference="K-1", title="Prøvebrua")
    assert adam.status_after(lambda: adam.presses("Save and go on")) == 422
    adam.looks()
    adam.follows("Contracts").follows("Import from Excel").looks()


@pytest.mark.parametrize("scripts", [True, False])
def test_a_draft_that_came_to_nothing_is_deleted(small_portal: Portal, visit: Visit, *, scripts: bool) -> None:
    settle(small_portal)
    small_portal.wait_until(IN_MARCH)
    adam = visit(small_portal, scripts=scripts).signs_in("adam@prove.example")
    begins(adam)
    adam.follows("Delete the draft").sees("K-7")
    if scripts:
        adam.looks()
    adam.presses("Delete the draft").reads("The draft is deleted.")
    assert adam.main.get_by_text("Prøvebrua").count() == 0
    if scripts:
        adam.looks()


def test_a_workbook_with_faults_comes_back_marked(small_portal: Portal, visit: Visit) -> None:
    settle(small_portal)
    small_portal.wait_until(IN_MARCH)
    adam = visit(small_portal).signs_in("adam@prove.example")
    adam.goes_to("/contracts/import").looks()
    with adam.page.expect_download() as template:
        adam.follows("Download the Excel template")
    content = filled(template.value.path().read_bytes(), {"reference": "K-7", "title": "Prøvebrua"})
    given = {"name": "kontrakter.xlsx", "mimeType": XLSX, "buffer": content}
    adam.main.locator("input[type=file]").set_input_files(given)  # type: ignore[arg-type]
    assert adam.status_after(lambda: adam.presses("Upload")) in {303, 422}
    adam.looks()
    with adam.page.expect_download() as marked:
        adam.follows("Download your file with the errors marked")
    assert marked.value.suggested_filename.endswith("kontrakter.xlsx")


def test_a_running_contract_is_paused_changed_and_handed_over(small_portal: Portal, visit: Visit) -> None:
    world = settle(small_portal)
    small_portal.wait_until(IN_MARCH)
    adam = visit(small_portal).signs_in("adam@prove.example")
    adam.goes_to(f"/contracts/{world.contract.public_id}").looks()
    adam.follows("New change order").looks()
    fills_in(
        adam,
        order_reference="EO-1",
        applies_from="01.04.2026",
        change_reason="Mer fjell enn ventet.",
        new_ends_on="29.02.2028",
    )
    adam.presses("Store the change order").reads("The change order is stored.").sees("EO-1").looks()
    adam.follows("Pause the contract").looks()
    fills_in(adam, starts_on="05.03.2026", reason="Funn av kulturminne.")
    adam.presses("Pause the contract").reads("The contract is paused").sees("Funn av kulturminne.").looks()
    anna = visit(small_portal).signs_in("anna@prove.example").goes_to(f"/contracts/{world.contract.public_id}")
    anna.reads("The contract is paused").sees("Funn av kulturminne.").looks()
    adam.follows("Note the handover").looks()
    fills_in(adam, handed_over_on="09.03.2026")
    adam.presses("Note the handover").reads("Final account").looks()
    anna.goes_to(f"/contracts/{world.contract.public_id}").reads("Handed over on %(day)s.", day="9. mars 2026").looks()
    adam.follows("Close the contract").reads("The contract cannot be closed yet: something is still open").looks()
