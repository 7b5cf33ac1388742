"""The pages of the Excel way in, over HTTP: what each state of a file shows, and what its buttons do."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask, current_app

from portal import clock
from portal.extensions import db, transaction
from portal.model import ImportedFile, ImportState, ImportStep, Report
from portal.operations.entry import imports
from portal.web.reports import import_views
from tests.doors import Desk, Element, filled, sit_down, words
from tests.world import World, build_world, fill_in

Fill = Callable[[Any, dict[str, int], int], None]


@pytest.fixture
def world(make_app: Callable[..., Flask], sqlite_url: str) -> Iterator[World]:
    app = make_app(sqlite_url)
    with app.app_context():
        with transaction():
            found = build_world()
            found.anna.person.language = found.stranger.person.language = "en"
        yield found


@pytest.fixture
def anna(world: World) -> Desk:
    return sit_down(current_app, world.anna)


def machines(*, electric: object = 5000, diesel: object = 1000) -> Fill:
    """Fills in the two machines of the contract: DI-2 stands first."""

    def fill(sheet: Any, columns: dict[str, int], first: int) -> None:
        for row, amount in zip((first, first + 1), (diesel, electric), strict=True):
            for column, value in {"hours": 100, "amount": amount, "amount_source": "metered"}.items():
                sheet.cell(row, columns[column], value)

    return fill


def workbook(world: World, fill: Fill) -> bytes:
    return filled(world.report, "Machinery", fill, "en")


def path_of(row: ImportedFile) -> str:
    return f"/reports/imports/{row.public_id}"


def tabs(page: Element) -> dict[str, str]:
    return {words(each): each.get("href") for each in page.xpath("//nav[contains(@class, 'tabs')]//a")}


def rows(page: Element) -> list[list[str]]:
    return [[words(cell) for cell in row] for row in page.xpath("//*[@id='found']//tbody/tr")]


def buttons(page: Element) -> list[str]:
    return [words(each) for each in page.xpath("//main//form[contains(@action, '/store')]//button")]


def test_the_page_waits_with_steps_in_words_and_asks_until_it_is_read(world: World, anna: Desk) -> None:
    with transaction():
        row = imports.receive(world.report, "march.xlsx", workbook(world, machines()), by=world.anna)
    page = anna.page(path_of(row))
    [poll] = page.xpath("//*[@role='status']//@hx-get")
    assert poll.startswith(path_of(row))
    assert page.xpath("//progress/@value") == ["0"]
    assert "The file is received and waits for its turn" in words(page)
    asked = {"HX-Request": "true"}
    assert anna.get(poll, **asked).status_code == 204
    with transaction() as session:
        found = session.get_one(ImportedFile, row.id)
        imports.progress(found, ImportStep.CHECKING, 40, 80)
    answer = anna.get(poll, **asked)
    assert "40 of 80 rows" in answer.text
    assert re.search(r'<progress[^>]*value="62"', answer.text)
    assert "<html" not in answer.text
    with clock.at(clock.now() + timedelta(minutes=2)):
        assert "It takes longer than usual" in words(anna.page(path_of(row)))
    with transaction() as session:
        session.get_one(ImportedFile, row.id).state = ImportState.REFUSED
    assert anna.get(poll, **asked).headers["HX-Refresh"] == "true"


def test_errors_stand_in_a_table_with_sheet_row_column_value_and_words(world: World, anna: Desk) -> None:
    row = anna.upload(world.report, workbook(world, machines(diesel="many")))
    page = anna.page(path_of(row), 422)
    assert page.xpath("//title/text()")[0].startswith("Error: ")
    assert "1 of 2 rows are ready. 1 row has errors" in words(page.xpath("//*[@id='error-summary']")[0])
    assert list(tabs(page)) == ["Errors 1", "Warnings 0", "Ready rows 1", "Unchanged rows 0"]
    [told] = rows(page)
    assert told[1:5] == ["Machinery", "5", "Amount", "many"]
    assert told[5].startswith("Amount: “many” is not a number.")
    assert buttons(page) == ["Store the 1 row that is ready", "Correct here"]
    assert not re.search(r"number_unclear|machinery\.|@1|: number", words(page))


def test_each_tab_has_an_address_and_the_difference_stands_before_and_after(world: World, anna: Desk) -> None:
    fill_in(world)
    row = anna.upload(db.session.get_one(Report, world.report.id), workbook(world, machines(diesel=1200)))
    page = anna.page(path_of(row))
    addresses = tabs(page)
    assert list(addresses) == ["Errors 0", "Warnings 0", "Ready rows 1", "Unchanged rows 1"]
    assert page.xpath("//nav[contains(@class, 'tabs')]//a[@aria-current='page']//text()")[0].strip() == "Ready rows"
    [changed] = rows(page)
    assert changed[0] == "DI-2"
    assert "before: 1 000 l now: 1 200 l" in changed[4].replace("\u00a0", " ")
    [same] = rows(anna.page(addresses["Unchanged rows 1"].partition("#")[0]))
    assert (same[0], same[3]) == ("EL-1", "Unchanged")
    assert rows(anna.page(f"{path_of(row)}?show=errors")) == []
    assert (
        anna.page(f"{path_of(row)}?show=nonsense&page=-1").xpath("//a[@aria-current='page']/@href")[-1].count("ready")
    )


def test_the_ready_rows_are_stored_by_their_button(world: World, anna: Desk) -> None:
    row = anna.upload(world.report, workbook(world, machines(diesel="many")))
    answer = anna.send(f"{path_of(row)}/store", {})
    assert (answer.status_code, answer.location) == (303, path_of(row))
    page = anna.page(path_of(row))
    assert "1 row was wrong; its line is as it was before." in words(page)
    lines = db.session.get_one(Report, world.report.id).section("machinery").lines
    assert sorted(line.raw.get("amount", "") for line in lines) == ["", "5000"]


def test_correct_here_opens_the_form_with_what_was_typed(world: World, anna: Desk) -> None:
    row = anna.upload(world.report, workbook(world, machines(diesel="many")))
    answer = anna.send(f"{path_of(row)}/store", {"with_faults": "1"})
    assert answer.status_code == 303
    assert answer.location.endswith("/sections/machinery#lines")
    page = anna.page(answer.location.partition("#")[0])
    assert page.xpath("//input[@value='many']/@aria-invalid") == ["true"]
    assert "Correct them here." in words(page)


def test_a_refused_file_says_where_and_what_to_do_and_a_new_one_is_near(world: World, anna: Desk) -> None:
    row = anna.upload(world.report, b"<html></html>")
    page = anna.page(path_of(row), 422)
    told = words(page.xpath("//main")[0])
    assert "Nothing of the file is taken in" in told
    assert "Open it in Excel and save it as" in told
    assert page.xpath("//form[contains(@action, '/imports')]//input[@type='file']")
    assert row.sha256 in words(page)


def test_an_outdated_difference_is_not_stored_but_compared_again(world: World, anna: Desk) -> None:
    row = anna.upload(world.report, workbook(world, machines()))
    fill_in(world)
    page = anna.page(path_of(row))
    assert not buttons(page)
    [again] = page.xpath("//form[contains(@action, '/again')]/@action")
    assert anna.send(f"{path_of(row)}/store", {}).status_code == 409
    assert anna.send(again, {}).status_code == 303
    assert db.session.get_one(ImportedFile, row.id).state == ImportState.WAITING


def test_a_long_list_comes_a_page_at_a_time(world: World, anna: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_views, "PAGE", 1)
    row = anna.upload(world.report, workbook(world, machines()))
    first = anna.page(path_of(row))
    [following] = first.xpath("//a[@rel='next']/@href")
    second = anna.page(following.partition("#")[0])
    assert [each[0][0] for each in (rows(first), rows(second))] == ["DI-2", "EL-1"]
    assert second.xpath("//a[@rel='prev']")
    assert not second.xpath("//a[@rel='next']")


def test_the_marked_file_comes_in_the_readers_language(world: World, anna: Desk) -> None:
    row = anna.upload(world.report, workbook(world, machines(diesel="many")))
    answer = anna.get(f"{path_of(row)}/marked.xlsx")
    assert answer.headers["Content-Disposition"] == "attachment; filename=errors-rapport.xlsx"
    assert answer.mimetype == "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def test_the_files_of_others_are_not_there(
    world: World, anna: Desk, make_app: Callable[..., Flask], sqlite_url: str
) -> None:
    row = anna.upload(world.report, workbook(world, machines()))
    stranger = sit_down(current_app, world.stranger)
    for path in (path_of(row), f"{path_of(row)}/marked.xlsx", f"/reports/{world.report.public_id}/excel"):
        assert stranger.get(path).status_code == 404
    for act in ("store", "again"):
        assert stranger.send(f"{path_of(row)}/{act}", {}).status_code == 404
    reviewer = sit_down(current_app, world.rita)
    assert reviewer.get(path_of(row)).status_code == 403
