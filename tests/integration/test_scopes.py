"""Requirements about some machines only: what is out of scope is in no figure, and what cannot be told is unknown."""

from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from portal.extensions import db, transaction
from portal.kinds.base import Line
from portal.model import Deployment, Machine, Requirement, Site, Window
from portal.operations.contracts import contracts, scopes
from portal.operations.running import machines
from portal.web.contracts import requirement_views
from tests.assessing import cases_of, duty, file, findings_of, only
from tests.world import World

MARCH, APRIL = date(2026, 3, 1), date(2026, 4, 1)


def sited(world: World, **places: str) -> dict[str, Site]:
    """A second site, and which machine stands where: EL="A" or "B"; one that is not named stands nobody knows where."""
    contract = world.contract
    with transaction():
        contract.sites.append(Site(**contract.parties, name="Annenveien 2"))
        sites = dict(zip("AB", contract.sites, strict=True))
        for row in db.session.scalars(select(Deployment).where(Deployment.contract_id == contract.id)):
            place = places.get(row.machine.name[:2])
            row.site = sites[place] if place else None
    return sites


def add(world: World, **changes: Any) -> Requirement:
    found = duty(world, **{"window": Window.PERIOD, **changes})
    only(world, MARCH, date(2026, 4, 30), found)
    return found


@pytest.mark.parametrize(
    ("types", "result"),
    [(["crawler_excavator"], "met"), (["wheel_loader"], "broken"), (["crane"], "unknown"), ([], "met")],
)
def test_only_machines_of_the_types_are_in_the_share(world: World, types: list[str], result: str) -> None:
    share = add(world, scope={"types": types})
    file(world, MARCH, electric="1008", diesel="400")  # the excavator's 1 008 kWh are all electric, the loader's none
    assert findings_of(share) == [result]
    if result == "broken":
        [case] = cases_of(share)
        assert case.sentence["en"].endswith("Only about those of type Wheel loader.")
        assert "is 0\u00a0%" in case.sentence["en"]


def test_what_is_out_of_scope_never_breaks(world: World) -> None:
    about = {"threshold": "zero_emission", "indicator": "lowest_stage"}
    other = add(world, **about, scope={"types": ["crawler_excavator"]})
    own = duty(world, **about, window=Window.PERIOD, clause="9.2")
    with transaction():
        world.contract.requirements.append(own)
    file(world, MARCH, electric="1008", diesel="400")
    assert (findings_of(other), findings_of(own)) == (["met"], ["broken"]), "the loader has stage V"
    assert cases_of(own)[0].facts["breaches"] == 1
    assert cases_of(other) == []
    with transaction():
        own.scope = {"types": ["crawler_excavator"]}
    loader = db.session.scalars(select(Machine).where(Machine.name == "DI-2")).one()
    told = {each.requirement.clause for each in machines.verdicts(loader, world.contract)}
    assert not told & {"9.1", "9.2"}, "a machine is told nothing of what is not about it"


@pytest.mark.parametrize(
    ("places", "site", "result"),
    [
        ({"EL": "A", "DI": "B"}, "A", "met"),
        ({"EL": "A", "DI": "B"}, "B", "broken"),
        ({"EL": "A"}, "A", "unknown"),  # where the loader stands nobody has said
    ],
)
def test_a_site_is_where_the_machine_stood(world: World, places: dict[str, str], site: str, result: str) -> None:
    sites = sited(world, **places)
    share = add(world, scope={"sites": [str(sites[site].public_id)]})
    file(world, MARCH, electric="1008", diesel="400")
    assert findings_of(share) == [result]
    if result == "unknown":
        assert "nobody has said where the machine stands" in world.report.revisions[0].findings[0].sentence["en"]


def test_a_machine_that_stood_on_both_sides_in_one_period_cannot_be_divided(world: World) -> None:
    sites = sited(world, EL="A", DI="A")
    share = add(world, scope={"sites": [str(sites["A"].public_id)]})
    with transaction():
        first = db.session.scalars(select(Deployment).join(Machine).where(Machine.name == "DI-2")).one()
        first.departed_on = date(2026, 3, 9)
        again = machines.deploy(first.machine, world.contract, date(2026, 3, 10), None, by=world.anna)
        again.site = sites["B"]
    kind_line = Line("x", {"machine": {"value": world.machines["DI-2"]}})
    kind = contracts.counting_kinds(world.report)[share.kind]
    assert scopes.sort(share, world.report, kind, [kind_line]) == (frozenset(), frozenset({"x"}))


def test_organisations_are_whose_machine_it_is_and_who_reports(world: World) -> None:
    supplier, stranger = str(world.contract.supplier.public_id), str(world.stranger.organisation.public_id)
    share = add(world, scope={"organisations": [supplier]})
    nobody = duty(world, window=Window.PERIOD, clause="9.2", scope={"organisations": [stranger]})
    with transaction():
        world.contract.requirements.append(nobody)
    file(world, MARCH, electric="1008", diesel="400")
    assert (findings_of(share), findings_of(nobody)) == (["met"], ["unknown"])
    assert requirement_views.of(nobody).about is not None
    assert scopes.in_words(nobody).en == "Only about those of Fremmed Anlegg AS."  # type: ignore[union-attr]


def test_a_window_counts_only_what_is_in_scope(world: World) -> None:
    share = add(world, window=Window.YEAR, scope={"types": ["wheel_loader"]})
    file(world, MARCH, electric="1008", diesel="400")
    assert findings_of(share) == ["behind"]
    file(world, APRIL, electric="1008", diesel="400")
    [case] = cases_of(share)
    assert case.window is not None
    assert (case.window.figure["numerator"], case.window.figure["denominator"]) == ("0", "8064")  # 2 * 400 * 10.08
