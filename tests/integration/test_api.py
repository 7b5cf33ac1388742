"""Programs with a token of Maskinporten read what their organisation sees, and nothing else."""

import re
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from sqlalchemy import select
from werkzeug.test import TestResponse

from portal import clock
from portal.extensions import db, transaction
from portal.model import AuditEvent, Reading, Revision, Role
from portal.operations import accounts
from portal.operations.people import programs
from portal.web.api import door
from tests.assessing import approve_it
from tests.browsing import Maker
from tests.desk import give_passwords, sit_down, words
from tests.provider import Provider, provider
from tests.signing_in import equip
from tests.terminal import Terminal
from tests.world import World, build_world, submit

SCOPE = "lillevik:klimakontrakt.les"
ZERO_EMISSION = ("machinery", "zero_emission_share_energy")
BUYER, SUPPLIER, STRANGER = "310000019", "310000027", "310000035"


@pytest.fixture
def there() -> Iterator[Provider]:
    """The issuer."""
    with provider() as running:
        yield running


@pytest.fixture
def app(make_app: Maker, database_url: str, tmp_path: Path, there: Provider) -> Iterator[Flask]:
    """A portal that takes the issuer's tokens."""
    file = tmp_path / "providers.toml"
    file.write_text(
        f'[maskinporten]\nprofile = "maskinporten"\nissuer = "{there.issuer}"\nkeys_url = "{there.issuer}/jwks"\n'
        f'scope = "{SCOPE}"'
    )
    app = make_app(database_url, providers=str(file), outgoing_allowed=("127.0.0.1/32",))
    with app.app_context():
        yield app


@pytest.fixture
def world(app: Flask) -> World:
    """One contract with an approved report; both its parties and a stranger let a program in."""
    del app
    with transaction():
        world = build_world()
    submit(world)
    approve_it(world, world.report)
    with transaction():
        for number in (BUYER, SUPPLIER, STRANGER):
            programs.add(number, "Klimaregnskapet", "their-client")
    db.session.rollback()
    return world


def token(there: Provider, number: str = BUYER, **says: object) -> str:
    now = int(clock.now().timestamp())
    said = {
        "iss": there.issuer,
        "aud": "http://127.0.0.1:8000/api",
        "exp": now + 120,
        "iat": now,
        "client_id": "their-client",
        "scope": f"other:scope {SCOPE}",
        "consumer": {"authority": "iso6523-actorid-upis", "ID": f"0192:{number}"},
    }
    return there.signs({name: value for name, value in {**said, **says}.items() if value is not None})


@pytest.fixture
def ask(app: Flask, there: Provider) -> Callable[..., TestResponse]:
    """One request of a program, as on a server."""

    def request(path: str, number: str = BUYER, **says: object) -> TestResponse:
        db.session.rollback()
        return with_token(app, path, token(there, number, **says))

    return request


def with_token(app: Flask, path: str, bearer: str) -> TestResponse:
    return app.test_client().get(path, headers={"Authorization": f"Bearer {bearer}"})


def test_both_parties_read_the_contract_its_report_lines_and_figures(
    ask: Callable[..., TestResponse], world: World
) -> None:
    contract, report = str(world.contract.public_id), str(world.report.public_id)
    for number in (BUYER, SUPPLIER):
        answer = ask("/api/v1/contracts", number)
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "no-store"
        [found] = answer.get_json()["items"]
        assert (found["id"], found["reference"], found["buyer"]["number"]) == (contract, "K-1", BUYER)
        assert ask(f"/api/v1/contracts/{contract}", number).get_json() == found
        [filed] = ask(f"/api/v1/contracts/{contract}/reports", number).get_json()["items"]
        assert (filed["id"], filed["state"], filed["revision"]) == (report, "approved", 1)
        lines = ask(f"/api/v1/reports/{report}/lines", number).get_json()["items"]
        amounts = {each["values"]["amount"]["value"]: each["values"]["amount"]["unit"] for each in lines}
        assert amounts == {"5000": "kWh", "1000": "l"}
        figures = ask(f"/api/v1/reports/{report}/figures", number).get_json()["items"]
        [share] = [each for each in figures if (each["section"], each["indicator"]) == ZERO_EMISSION]
        assert (share["numerator"], share["unit"]) == ("5000", "%")
        assert re.fullmatch(r"\d+(\.\d+)?", share["denominator"])


def test_what_a_program_reads_is_noted_for_its_own_organisation(
    app: Flask, ask: Callable[..., TestResponse], world: World
) -> None:
    with transaction():
        siv = accounts.add_person("siv@prove.example", "Siv Prøve", language="en")
        at_supplier = accounts.add_membership(siv, world.contract.supplier, Role.ADMINISTRATOR)
    give_passwords(world)
    with transaction():
        siv.password = world.adam.person.password
        equip(siv)
    ask("/api/v1/contracts")
    ask(f"/api/v1/reports/{uuid.uuid4()}")
    assert db.session.scalars(select(Reading)).all() == [], "a list is of no contract, nor is what is not there"
    ask(f"/api/v1/reports/{world.report.public_id}/lines")
    [read] = db.session.scalars(select(Reading)).all()
    assert (read.what, read.person_id, read.organisation_id) == ("program", None, world.contract.buyer_id)
    assert (read.subject, read.subject_id) == ("report", str(world.report.public_id))
    pages = [words(sit_down(app, by).get("/trail/reading")) for by in (world.adam, at_supplier)]
    assert ["Klimaregnskapet" in page for page in pages] == [True, False]


def test_pages_follow_each_other_and_end(ask: Callable[..., TestResponse], world: World) -> None:
    report = str(world.report.public_id)
    first = ask(f"/api/v1/reports/{report}/lines?limit=1").get_json()
    second = ask(first["next"]).get_json()
    assert second["next"] is None
    keys = [each["key"] for page in (first, second) for each in page["items"]]
    assert len(set(keys)) == 2
    for query in ("limit=0", "limit=201", "limit=x", "limit=-1", "limit=٣", "after=x", f"after={report}", "after="):
        answer = ask(f"/api/v1/reports/{report}/lines?{query}")
        assert (answer.status_code, answer.content_type) == (422, "application/problem+json"), query
        assert answer.get_json()["detail"]


def test_what_is_not_theirs_is_not_there(ask: Callable[..., TestResponse], world: World) -> None:
    contract, report = world.contract.public_id, world.report.public_id
    assert ask("/api/v1/contracts", STRANGER).get_json() == {"items": [], "next": None}
    unknown = ask(f"/api/v1/contracts/{report}", STRANGER)
    for path in (f"contracts/{contract}", f"contracts/{contract}/reports", f"reports/{report}"):
        answer = ask(f"/api/v1/{path}", STRANGER)
        assert (answer.status_code, answer.get_json()) == (404, unknown.get_json())
    for part in ("lines", "figures"):
        assert ask(f"/api/v1/reports/{report}/{part}", STRANGER).status_code == 404
    assert ask(f"/api/v1/contracts?after={contract}", STRANGER).status_code == 422


def test_nothing_of_a_revision_is_told_before_it_is_approved(ask: Callable[..., TestResponse], world: World) -> None:
    with transaction():
        report = db.session.merge(world.report)
        report.accepted_number = None
    assert db.session.scalars(select(Revision)).all()
    for part in ("lines", "figures"):
        assert ask(f"/api/v1/reports/{world.report.public_id}/{part}").get_json()["items"] == []


# -- who comes in -----------------------------------------------------------------------------------------------------

WRONG: dict[str, dict[str, Any]] = {
    "another issuer": {"iss": "https://evil.example"},
    "for another": {"aud": "https://other.example"},
    "for nobody": {"aud": None},
    "run out": {"exp": 1},
    "without end": {"exp": None},
    "from the future": {"iat": 4_000_000_000, "exp": 4_000_000_100},
    "no scope": {"scope": None},
    "another scope": {"scope": "lillevik:klimakontrakt"},
    "a scope that begins alike": {"scope": f"{SCOPE}.mer"},
    "scopes in a list": {"scope": [SCOPE]},
    "no consumer": {"consumer": None},
    "a consumer in words": {"consumer": f"0192:{BUYER}"},
    "a consumer of another register": {"consumer": {"ID": f"9999:{BUYER}"}},
    "a consumer without a number": {"consumer": {"ID": "0192:"}},
    "no client": {"client_id": None},
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_claim_reads_nothing(ask: Callable[..., TestResponse], world: World, what: str) -> None:
    answer = ask("/api/v1/contracts", **WRONG[what])
    assert (answer.status_code, answer.content_type) == (401, "application/problem+json")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


WAYS = (
    "unsigned",
    "with_our_public_key",
    "by_an_unknown_key",
    "by_another_under_its_name",
    "with_its_own_key_along",
    "under_a_strange_condition",
    "changed_on_the_way",
)


@pytest.mark.parametrize("way", WAYS)
def test_a_wrong_signature_reads_nothing(
    ask: Callable[..., TestResponse], world: World, there: Provider, way: str
) -> None:
    there.signs = getattr(there, way)
    assert ask("/api/v1/contracts").status_code == 401


def test_without_a_token_or_with_a_session_nothing_is_read(app: Flask, world: World) -> None:
    for headers in (
        {},
        {"Authorization": "Basic eDp5"},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer x.y.z"},
    ):
        answer = app.test_client().get("/api/v1/contracts", headers=headers)
        assert answer.status_code == 401, headers
    assert app.test_client().get("/api/v1/openapi.json").status_code == 200


def test_a_program_that_was_not_let_in_or_was_shut_out_reads_nothing(
    ask: Callable[..., TestResponse], world: World
) -> None:
    assert ask("/api/v1/contracts", client_id="another").status_code == 403
    assert ask("/api/v1/contracts", "310000108").status_code == 403
    [program] = [each for each in programs.every() if each.organisation.number == BUYER]
    with transaction():
        programs.end(program.public_id)
    assert ask("/api/v1/contracts").status_code == 403
    actions = db.session.scalars(select(AuditEvent.action).where(AuditEvent.action.startswith("program."))).all()
    assert actions == ["program.added"] * 3 + ["program.ended"]


def test_an_organisation_that_asks_too_often_must_wait_and_others_need_not(
    ask: Callable[..., TestResponse], world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "MOST_A_MINUTE", 3)
    with clock.at(clock.now().replace(second=5)):
        assert [ask("/api/v1/contracts").status_code for _ in range(4)] == [200, 200, 200, 429]
        late = ask("/api/v1/contracts")
        assert 50 <= int(late.headers["Retry-After"]) <= 55
        assert ask("/api/v1/contracts", SUPPLIER).status_code == 200


def test_nothing_is_written_through_this_door(app: Flask, there: Provider, world: World) -> None:
    headers = {"Authorization": f"Bearer {token(there)}"}
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        answer = app.test_client().open("/api/v1/contracts", method=method, headers=headers)
        assert (answer.status_code, answer.content_type) == (405, "application/problem+json")
    assert app.test_client().get("/api/v1/nothing").content_type == "application/problem+json"


def test_programs_are_let_in_by_the_operator(app: Flask, world: World, database_url: str, tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, DATABASE_URL=database_url)
    made = terminal.run("program", "add", "310 000 019", "Regnskapet", "--client-id", "c-1").output
    assert made.endswith("Regnskapet may read for Prøveby kommune.\n")
    assert "310000019 Regnskapet c-1 reads" in terminal.run("program", "list").output
    assert "may no longer read" in terminal.run("program", "end", made.split()[0]).output
    assert "ended already" in terminal.refused("program", "end", made.split()[0])
    assert "is not registered here" in terminal.refused("program", "add", "310000108", "X")


# -- by its own description -------------------------------------------------------------------------------------------


CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
within_reason = settings(
    max_examples=30, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck), database=None
)


def test_whatever_is_asked_the_answer_fits_the_description(app: Flask, there: Provider, world: World) -> None:
    """Ids of rows that are there are mixed in, and each request has a token: else nothing but 404 would be seen."""
    known = {"contracts": str(world.contract.public_id), "reports": str(world.report.public_id)}
    bearer, seen = token(there, exp=int(clock.now().timestamp()) + 3600), Counter[int]()
    described = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app)

    def ask_it(case: Case[Any]) -> None:
        if "id" in case.path_parameters and seen.total() % 2:
            case.path_parameters["id"] = known[case.path.split("/")[1]]
        db.session.rollback()
        answer = case.call(headers={"Authorization": f"Bearer {bearer}"})
        seen[answer.status_code] += 1
        case.validate_response(answer, checks=CHECKS)

    for operation in described.get_all_operations():
        assert isinstance(operation, Ok)
        within_reason(given(operation.ok().as_strategy())(ask_it))()
    assert {200, 404, 422} <= set(seen), seen
