"""What a contract has several of: sites, representatives of both parties, and planned figures with their source."""

import re
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import cast

from sqlalchemy import select

from portal import clock, kinds
from portal.errors import Invalid, Refused
from portal.extensions import db
from portal.kinds.base import Choice, Field, FieldType, Indicator, Kind, Problem
from portal.model import (
    Contract,
    Deployment,
    FigureOrigin,
    Membership,
    Person,
    PlannedFigure,
    Representative,
    Site,
    record,
)
from portal.operations.contracts.contract_facts import LARGEST_VALUE, Values
from portal.operations.contracts.contract_gate import demand_editor, touch
from portal.text import Text

BUYER, SUPPLIER = "buyer", "supplier"

SITE = (
    Field(
        "site_name",
        Text("Navn på byggeplassen", "Name of the site"),
        FieldType.TEXT,
        hint=Text("For eksempel Storgata skole.", "For example Main Street School."),
    ),
    Field("site_address", Text("Adresse", "Address"), FieldType.TEXT, required=False),
)
REPRESENTATIVE = (
    Field(
        "side",
        Text("Representerer", "Represents"),
        FieldType.CHOICE,
        choices=(
            Choice(BUYER, Text("oppdragsgiver", "the buyer")),
            Choice(SUPPLIER, Text("leverandør", "the supplier")),
        ),
    ),
    Field("name", Text("Navn", "Name"), FieldType.TEXT),
    Field("job", Text("Stilling", "Position"), FieldType.TEXT, required=False, longest=120),
    Field(
        "email",
        Text("E-post", "E-mail"),
        FieldType.TEXT,
        longest=254,
        hint=Text(
            "Varsler sendes hit. Har personen en bruker her, kobles den til på adressen.",
            "Notices are sent here. If the person has an account here, the address links it.",
        ),
    ),
    Field(
        "speaks",
        Text("Språk i brevene", "Language of letters"),
        FieldType.CHOICE,
        choices=(Choice("nb", Text("norsk bokmål", "Norwegian")), Choice("en", Text("engelsk", "English"))),
    ),
    Field(
        "from_on",
        Text("Fra", "From"),
        FieldType.DATE,
        required=False,
        hint=Text("dd.mm.åååå. Tomt: fra første dag.", "dd.mm.yyyy. Empty: from the first day."),
    ),
)
ENDED = Field("to_on", Text("Siste dag som representant", "Last day as representative"), FieldType.DATE)
_AMOUNT = Field(
    "amount", Text("Tall for hele kontrakten", "Figure for the whole contract"), FieldType.NUMBER, maximum=LARGEST_VALUE
)
_SOURCE = Field(
    "source",
    Text("Dokumentet det står i", "The document that says so"),
    FieldType.TEXT,
    hint=Text("For eksempel tilbudet av 3. mars, vedlegg 2.", "For example the bid of 3 March, annex 2."),
)
_ORIGIN = Field(
    "origin",
    Text("Hvor tallet kommer fra", "Where the figure comes from"),
    FieldType.CHOICE,
    choices=(
        Choice(FigureOrigin.BID, Text("tilbudet", "the bid")),
        Choice(FigureOrigin.PLAN, Text("planen etter oppstart", "the plan after the start")),
        Choice(FigureOrigin.BUDGET, Text("klimabudsjettet", "the climate budget")),
    ),
)

NOT_AN_ADDRESS = Text("E-post: skriv hele adressen, som navn@firma.no.", "E-mail: write it all, as name@company.no.")
SITE_TAKEN = Text("Det er en byggeplass som heter det.", "There is a site of that name.")
SITE_IN_USE = Text(
    "Maskiner eller krav er knyttet til byggeplassen. Den kan ikke tas bort.",
    "Machines or requirements are tied to the site. It cannot be removed.",
)
ENDS_BEFORE = Text("Siste dag kan ikke være før første dag.", "The last day cannot be before the first.")
ALREADY_SAID = Text(
    "Tallet er ført opp allerede. Ta bort det gamle først.", "The figure is there already. Remove the old one first."
)
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")


# -- sites -------------------------------------------------------------------------------------------------------------


def add_site(contract: Contract, values: Values, *, by: Membership, version: int | None) -> Site:
    """Add a place where the work is done."""
    demand_editor(contract, by=by, version=version)
    name = str(values["site_name"])
    if any(each.name.casefold() == name.casefold() for each in contract.sites):
        raise Invalid(SITE_TAKEN, (Problem("taken", SITE_TAKEN, "site_name"),))
    site = Site(**contract.parties, name=name, address=str(values.get("site_address") or ""))
    contract.sites.append(site)
    touch(contract)
    record(site, "contract.site_added", by=by, name=name)
    return site


def remove_site(site: Site, *, by: Membership) -> None:
    """Take a place away that nothing is tied to. Raises Refused otherwise."""
    contract = site.contract
    demand_editor(contract, by=by)
    tied = db.session.scalar(select(Deployment.id).where(Deployment.site_id == site.id).limit(1)) is not None
    if tied or any(str(site.public_id) in (duty.scope or {}).get("sites", ()) for duty in contract.requirements):
        raise Refused(SITE_IN_USE)
    record(contract, "contract.site_removed", by=by, name=site.name)
    contract.sites.remove(site)
    db.session.delete(site)
    touch(contract)


# -- representatives ---------------------------------------------------------------------------------------------------


def name_representative(contract: Contract, values: Values, *, by: Membership, version: int | None) -> Representative:
    """Note whom a party has named; a person of that organisation with the address is linked."""
    demand_editor(contract, by=by, version=version)
    email = str(values["email"]).strip().lower()
    if not is_address(email):
        raise Invalid(NOT_AN_ADDRESS, (Problem("address", NOT_AN_ADDRESS, "email"),))
    organisation_id = contract.buyer_id if values["side"] == BUYER else contract.supplier_id
    person = _person(email, organisation_id)
    row = Representative(
        **contract.parties,
        organisation_id=organisation_id,
        person_id=person.id if person else None,
        name=str(values["name"]),
        title=str(values.get("job") or ""),
        email=email,
        language=str(values["speaks"]),
        from_on=cast("date | None", values.get("from_on")) or contract.starts_on,
    )
    contract.representatives.append(row)
    touch(contract)
    record(row, "contract.representative_named", by=by, side=str(values["side"]))
    return row


def is_address(email: str) -> bool:
    """Whether this looks like an e-mail address."""
    return bool(_ADDRESS.fullmatch(email.strip()))


def _person(email: str, organisation_id: int) -> Person | None:
    return db.session.scalar(
        select(Person)
        .join(Membership, Membership.person_id == Person.id)
        .where(Person.email == email, Person.active)
        .where(Membership.organisation_id == organisation_id, Membership.ended_at.is_(None))
    )


def end_representative(row: Representative, last: date, *, by: Membership) -> None:
    """Note the last day of a representative; who held the part when stays known."""
    demand_editor(row.contract, by=by)
    if last < row.from_on:
        raise Invalid(ENDS_BEFORE, (Problem("order", ENDS_BEFORE, ENDED.key),))
    row.to_on = last
    touch(row.contract)
    record(row, "contract.representative_ended", by=by, last=last.isoformat())


def parties_without(contract: Contract) -> list[str]:
    """Which side has nobody to give notice to, on the first day or today if that is later."""
    day = max(contract.starts_on, clock.today(contract.time_zone))
    sides = {BUYER: contract.buyer_id, SUPPLIER: contract.supplier_id}
    return [side for side, number in sides.items() if not contract.representatives_of(number, day)]


# -- planned figures ---------------------------------------------------------------------------------------------------


def plannable(contract: Contract) -> list[tuple[Kind, Indicator]]:
    """Indicators that a bid or a plan may give a figure for: sums and shares of what the contract asks for."""
    known = kinds.kinds()
    asked = [known[key] for key in contract.kinds if key in known]
    return [
        (kind, indicator)
        for kind in (*asked, kinds.WHOLE_SITE)
        for indicator in kind.indicators
        if indicator.aggregate in {"sum", "share"}
    ]


def planned_fields(contract: Contract) -> tuple[Field, ...]:
    """The questions about a planned figure, with the indicators of this contract."""
    choices = tuple(
        Choice(
            f"{kind.key}.{indicator.key}",
            Text(
                f"{indicator.title.nb}, {indicator.unit} ({kind.title.nb})",
                f"{indicator.title.en}, {indicator.unit} ({kind.title.en})",
            ),
            indicator.unit,
        )
        for kind, indicator in plannable(contract)
    )
    which = Field(
        "indicator", Text("Hva tallet gjelder", "What the figure is about"), FieldType.CHOICE, choices=choices
    )
    return (_ORIGIN, which, _AMOUNT, _SOURCE)


def plan_figure(contract: Contract, values: Values, *, by: Membership, version: int | None) -> PlannedFigure:
    """Note what a bid, plan or budget said that a figure would come to."""
    demand_editor(contract, by=by, version=version)
    kind, _, indicator = str(values["indicator"]).partition(".")
    origin = FigureOrigin(str(values["origin"]))
    if any((each.origin, each.kind, each.indicator) == (origin, kind, indicator) for each in contract.planned):
        raise Invalid(ALREADY_SAID, (Problem("taken", ALREADY_SAID, "indicator"),))
    unit = next(found.unit for of, found in plannable(contract) if (of.key, found.key) == (kind, indicator))
    row = PlannedFigure(
        **contract.parties,
        origin=origin,
        kind=kind,
        indicator=indicator,
        amount=cast("Decimal", values["amount"]),
        unit=unit,
        source=str(values["source"]),
    )
    contract.planned.append(row)
    touch(contract)
    record(row, "contract.figure_planned", by=by, **_said(row))
    return row


def remove_planned(row: PlannedFigure, *, by: Membership) -> None:
    """Take a planned figure away; the trail keeps what it said."""
    contract = row.contract
    demand_editor(contract, by=by)
    record(contract, "contract.figure_removed", by=by, **_said(row))
    contract.planned.remove(row)
    db.session.delete(row)
    touch(contract)


def _said(row: PlannedFigure) -> dict[str, str]:
    return {
        "origin": str(row.origin),
        "indicator": f"{row.kind}.{row.indicator}",
        "amount": str(row.amount),
        "unit": row.unit,
        "source": row.source,
    }


def named(rows: Sequence[Representative], organisation_id: int) -> list[Representative]:
    """The representatives of one party, whoever held the part first before the others."""
    return sorted((row for row in rows if row.organisation_id == organisation_id), key=lambda row: row.from_on)
