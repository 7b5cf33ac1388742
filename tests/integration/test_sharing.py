"""One tank for several machines: divided by hours, marked as allocated, summing to what the tank gave."""

from decimal import Decimal

from portal.extensions import db, transaction
from portal.operations.contracts import contracts
from portal.operations.entry import drafts
from portal.operations.entry.drafts import RawLine
from tests.pages import Seat, database_url, parsed, seat, words, world
from tests.world import World

__all__ = ["database_url", "seat", "world"]


def with_hours(world: World, **hours: str) -> None:
    rows = drafts.rows_of(world.report, contracts.kind_of(world.report, "machinery"))
    names = {key: name for name, key in world.machines.items()}
    lines = [
        RawLine(
            row.key,
            {**row.raw, "carrier": "diesel", "stage": "V", "hours": hours[names[str(row.key)].replace("-", "")]},
        )
        for row in rows
    ]
    with transaction():
        drafts.save(world.report, "machinery", lines, by=world.anna, version=world.report.version)


def test_a_tank_is_divided_by_hours_and_the_shares_are_marked(world: World, seat: Seat) -> None:
    with_hours(world, EL1="30", DI2="10")
    anna, url = seat(world.anna), f"/reports/{world.report.public_id}/sections/machinery/share"
    form = anna.page(url)
    over = form.xpath("//input[@name='over']/@value")
    assert len(over) == 2
    answer = anna.send(url, {"version": str(world.report.version), "carrier": "diesel", "total": "1 000", "over": over})
    assert answer.status_code == 303
    db.session.expire_all()
    lines = drafts.state_of(world.report, world.report.section("machinery")).lines
    assert sorted((line.number("amount"), line.source("amount")) for line in lines) == [
        (Decimal(250), "allocated"),
        (Decimal(750), "allocated"),
    ]


def test_what_cannot_be_divided_is_said_at_its_field(world: World, seat: Seat) -> None:
    anna, url = seat(world.anna), f"/reports/{world.report.public_id}/sections/machinery/share"
    assert "No line has hours yet" in words(anna.page(url))
    with_hours(world, EL1="30", DI2="10")
    over = anna.page(url).xpath("//input[@name='over']/@value")
    wrongs: tuple[tuple[dict[str, str | list[str]], str], ...] = (
        ({"total": "NaN", "over": over}, "total"),
        ({"total": "", "over": over}, "total"),
        ({"total": "-1", "over": over}, "total"),
        ({"total": "10", "over": []}, "over"),
        ({"total": "10", "over": ["not-a-key"]}, "over"),
    )
    for wrong, field in wrongs:
        answer = anna.send(url, {"version": str(world.report.version), "carrier": "diesel", **wrong})
        assert answer.status_code == 422, wrong
        assert parsed(answer).xpath("//*[@id='error-summary']//a/@href") == [f"#{field}"], wrong
    assert all(
        line.number("amount") is None for line in drafts.state_of(world.report, world.report.section("machinery")).lines
    )


def test_only_a_kind_with_hours_can_be_divided(world: World, seat: Seat) -> None:
    assert seat(world.anna).get(f"/reports/{world.report.public_id}/sections/fuel/share").status_code == 404
    assert seat(world.anna).get(f"/reports/{world.report.public_id}/sections/nothing/share").status_code == 404
    assert seat(world.stranger).get(f"/reports/{world.report.public_id}/sections/machinery/share").status_code == 404
