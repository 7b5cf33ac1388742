"""The people of an organisation: invited, joined, given other roles, handed over and gone; all of it in the trail."""

import re
import uuid
from datetime import timedelta

import pytest
from click.testing import CliRunner
from flask import Flask
from sqlalchemy import select

from portal import clock
from portal.extensions import db, transaction
from portal.model import WEIGHTY, AuditEvent, Invitation, Membership, OutgoingMail, Person, Role
from portal.operations import accounts
from portal.operations.people import members
from portal.web.people.members import WHAT_ROLES_DO
from tests.browsing import BUYER, KARI, NOON, OLA, PASSWORD, Browser, Maker, another, membership_id, with_people
from tests.signing_in import equip, stored_once

NEW = "fire nye svarte svaner"
ADA, EVA, ANY = "ada@lillevik.example", "eva@lillevik.example", "ny@lillevik.example"
SIV = "siv@entreprenor.example"


@pytest.fixture
def app(make_app: Maker, database_url: str) -> Flask:
    """At the supplier Kari reports, Ola signs and Siv administers; at the buyer Ola reviews and Ada administers."""
    app = with_people(make_app(database_url))
    with app.app_context(), transaction():
        for email, name, number, role in (
            (ADA, "Ada Admin", BUYER, Role.ADMINISTRATOR),
            (SIV, "Siv Sjef", None, Role.ADMINISTRATOR),
        ):
            person = accounts.add_person(email, name)
            person.password = stored_once(PASSWORD)
            ola = db.session.scalars(select(Person).where(Person.email == OLA)).one()
            firms = [own.organisation for own in ola.memberships]
            firm = next(each for each in firms if (each.number == BUYER) == (number == BUYER))
            accounts.add_membership(person, firm, role)
            equip(person)
    return app


def at(app: Flask, email: str) -> Browser:
    """Somebody at a browser, signed in."""
    browser = another(app)
    assert browser.sign_in(email).status_code in {200, 303}
    return browser


def letters(app: Flask, kind: str) -> list[tuple[str, str]]:
    """Whom letters of a kind went to, and what they say."""
    with app.app_context():
        found = select(OutgoingMail.to_address, OutgoingMail.body).where(OutgoingMail.letter == kind)
        return [(to, body) for to, body in db.session.execute(found.order_by(OutgoingMail.id))]


def link(app: Flask, number: int = -1) -> str:
    """The address in an invitation."""
    found = re.search(r"http://127\.0\.0\.1:8000(/invitation\?key=\S+)", letters(app, "invitation")[number][1])
    assert found
    return found[1]


def invite(by: Browser, email: str, *roles: str) -> int:
    form = {"csrf_token": by.token(), "email": email, "roles": list(roles)}
    return by.client.post("/people/invite", data=form, environ_base={"REMOTE_ADDR": by.address}).status_code


def ids(app: Flask, email: str, number: str = BUYER) -> str:
    return str(membership_id(app, email, number))


def the_invitation(app: Flask) -> str:
    with app.app_context():
        return str(db.session.scalars(select(Invitation.public_id).order_by(Invitation.id.desc())).first())


def actions(app: Flask) -> list[str]:
    with app.app_context():
        found = select(AuditEvent.action).where(AuditEvent.subject.in_(["membership", "invitation"]))
        return [each for each in db.session.scalars(found.order_by(AuditEvent.id)) if each != "membership.added"]


def roles(app: Flask, email: str, number: str = BUYER) -> frozenset[Role]:
    with app.app_context():
        found = select(Membership).where(Membership.public_id == uuid.UUID(ids(app, email, number)))
        return db.session.scalars(found).one().roles


# -- invited and joined -----------------------------------------------------------------------------------------------


def test_somebody_new_joins_by_a_letter_once(app: Flask) -> None:
    ada, newcomer = at(app, ADA), another(app)
    assert invite(ada, f" {ANY.upper()} ", "reviewer", "decision_maker") == 303
    assert "Invited" in ada.get("/people").text
    assert newcomer.get(link(app)).location == "/invitation"
    page = newcomer.get("/invitation").text
    assert "Lillevik kommune" in page
    assert "reviewer, decision-maker" in page
    weak = newcomer.post("/invitation", name="Nils Ny", new_password="kort", repeated_password="x")
    assert weak.status_code == 422
    joined = newcomer.post("/invitation", name="Nils Ny", new_password=NEW, repeated_password=NEW)
    assert (joined.status_code, joined.location) == (303, "/sign-in")
    assert another(app).sign_in(ANY, NEW).status_code in {200, 303}
    assert roles(app, ANY) == {Role.REVIEWER, Role.DECISION_MAKER}
    assert [to for to, _body in letters(app, "invitation_accepted")] == [ADA]
    again = another(app)
    again.get(link(app))
    assert again.get("/invitation").status_code == 422
    assert actions(app) == ["invitation.sent", "invitation.accepted"]


def test_somebody_known_joins_with_the_account_they_have(app: Flask) -> None:
    invite(at(app, ADA), KARI, "reviewer")
    stranger = another(app)
    stranger.get(link(app))
    assert "You have an account here" in stranger.get("/invitation").text
    assert stranger.post("/invitation").status_code == 422
    siv = at(app, SIV)
    siv.get(link(app))
    assert "You are signed in as" in siv.get("/invitation").text
    assert 'action="/sign-out"' in siv.get("/invitation").text.partition("<main")[2]
    assert siv.post("/invitation").status_code == 422
    kari = at(app, KARI)
    kari.get(link(app))
    assert kari.post("/invitation").location == "/"
    assert not kari.is_in(), "who acts for a buyer must have a second factor"
    assert "Your recovery codes" in kari.sign_in(KARI).text
    kari.post("/acting-for", membership=ids(app, KARI))
    assert kari.get("/probe/page").text == "Kari Nordmann for Lillevik kommune"
    assert len(letters(app, "invitation_accepted")) == 1


def test_whoever_signs_in_on_the_way_comes_back_to_the_invitation(app: Flask) -> None:
    invite(at(app, ADA), KARI, "reviewer")
    kari = another(app)
    kari.get(link(app))
    [target] = re.findall(r'href="/sign-in\?next=([^"]+)"', kari.get("/invitation").text)
    onward = kari.sign_in(KARI, next=link(app)).location
    assert target
    assert onward == link(app)
    assert kari.get(onward).location == "/invitation"
    assert kari.post("/invitation").location == "/"


def test_the_answer_is_the_same_for_known_and_unknown_addresses(app: Flask) -> None:
    ada = at(app, ADA)
    assert [invite(ada, email, "reviewer") for email in (KARI, ANY)] == [303, 303]
    known, unknown = (body for _to, body in letters(app, "invitation"))
    assert re.sub(r"key=\S+", "", known) == re.sub(r"key=\S+", "", unknown)


def test_an_invitation_is_sent_again_and_taken_back(app: Flask) -> None:
    ada = at(app, ADA)
    with clock.at(NOON):
        ada = at(app, ADA)
        invite(ada, ANY, "reviewer")
    with clock.at(NOON + timedelta(days=7, minutes=1)):
        ada = at(app, ADA)
        assert "Invitation ran out" in ada.get("/people").text
        late = another(app)
        late.get(link(app))
        assert late.get("/invitation").status_code == 422
        assert ada.post(f"/people/invitations/{the_invitation(app)}/resend").status_code == 303
        in_time, older = another(app), another(app)
        in_time.get(link(app))
        older.get(link(app, 0))
        assert in_time.get("/invitation").status_code == 200
        assert older.get("/invitation").status_code == 422
        assert ada.post(f"/people/invitations/{the_invitation(app)}/withdraw").status_code == 303
        assert in_time.get("/invitation").status_code == 422
        assert ada.post(f"/people/invitations/{the_invitation(app)}/resend").status_code == 422
    assert actions(app) == ["invitation.sent", "invitation.resent", "invitation.withdrawn"]


@pytest.mark.parametrize(
    ("email", "chosen"),
    [("", "reviewer"), ("no address", "reviewer"), (ANY, ""), (ANY, "signatory"), (OLA, "reviewer")],
)
def test_an_invitation_that_cannot_be_is_refused_in_words(app: Flask, email: str, chosen: str) -> None:
    assert invite(at(app, ADA), email, *filter(None, [chosen])) == 422
    assert letters(app, "invitation") == []


def test_a_role_that_only_reads_beside_another_is_refused_at_the_roles(app: Flask) -> None:
    ada = at(app, ADA)
    form = {"csrf_token": ada.token(), "email": ANY, "roles": ["reviewer", "auditor"]}
    page = ada.client.post("/people/invite", data=form, environ_base={"REMOTE_ADDR": ada.address})
    assert page.status_code == 422
    assert re.search(r'<a class="ds-link" href="#roles[^"]*">Reader and auditor are roles that only read', page.text)


def test_the_first_administrator_is_invited_on_the_command_line(
    make_app: Maker, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from portal import cli  # the commands read the environment when they run
    from portal.cli import door

    app = make_app(sqlite_url)
    app.config["WTF_CSRF_ENABLED"] = True
    monkeypatch.setattr(door, "create_app", lambda _settings=None: app)
    monkeypatch.setenv("DATABASE_URL", sqlite_url)
    firm = ["310000019", "--organisation-name", "Lillevik kommune", "--kind", "buyer"]
    told = CliRunner().invoke(cli.commands, ["invite", ADA, *firm])
    assert told.exit_code == 0, told.output
    [address] = re.findall(r"http://127\.0\.0\.1:8000(/invitation\?key=\S+)", told.output)
    ada = another(app)
    ada.get(address)
    assert ada.post("/invitation", name="Ada Admin", new_password=NEW, repeated_password=NEW).status_code == 303
    assert roles(app, ADA, "310000019") == {Role.ADMINISTRATOR}


# -- roles ------------------------------------------------------------------------------------------------------------


def set_roles(by: Browser, member: str, *chosen: str) -> tuple[int, str]:
    form = {"csrf_token": by.token(), "roles": list(chosen)}
    answer = by.client.post(f"/people/{member}", data=form, environ_base={"REMOTE_ADDR": by.address})
    return answer.status_code, answer.text


def test_roles_are_changed_and_told(app: Flask) -> None:
    ada = at(app, ADA)
    assert set_roles(ada, ids(app, OLA), "reviewer", "contract_manager")[0] == 303
    assert roles(app, OLA) == {Role.REVIEWER, Role.CONTRACT_MANAGER}
    assert [to for to, _body in letters(app, "roles_changed")] == [OLA]
    with app.app_context():
        found = db.session.scalars(select(AuditEvent).where(AuditEvent.action == "membership.roles_changed")).one()
        assert found.facts["before"] == ["reviewer"]
        assert found.facts["after"] == ["contract_manager", "reviewer"]
    assert set_roles(ada, ids(app, OLA), "signatory")[0] == 422
    assert set_roles(ada, ids(app, OLA))[0] == 422
    assert set_roles(ada, ids(app, OLA), "nonsense")[0] == 422


def test_the_last_administrator_and_signatory_cannot_leave_silently(app: Flask) -> None:
    ada, siv, supplier = at(app, ADA), at(app, SIV), "313000001"
    status, page = set_roles(ada, ids(app, ADA), "reviewer")
    assert (status, "Make somebody else an administrator first" in page) == (422, True)
    last = ada.post(f"/people/{ids(app, ADA)}/retire", heir="")
    assert (last.status_code, "the last administrator" in last.text) == (422, True)
    status, page = set_roles(siv, ids(app, OLA, supplier), "reporter")
    assert (status, "the last one who can sign" in page) == (422, True)
    assert siv.post(f"/people/{ids(app, OLA, supplier)}/retire", heir="").status_code == 422
    assert roles(app, ADA) == {Role.ADMINISTRATOR}
    assert set_roles(ada, ids(app, OLA), "reviewer", "administrator")[0] == 303
    assert ada.post(f"/people/{ids(app, ADA)}/retire", heir="").status_code == 303
    assert ada.get("/people").status_code == 303, "she acts for nobody any more"


# -- who is told of weighty roles -------------------------------------------------------------------------------------


def test_the_other_administrators_are_told_who_may_sign_or_give_roles(app: Flask) -> None:
    ada, siv = at(app, ADA), at(app, SIV)
    assert set_roles(ada, ids(app, OLA), "reviewer", "contract_manager")[0] == 303
    assert set_roles(ada, ids(app, OLA), "reviewer", "administrator")[0] == 303
    assert letters(app, "role_given") == [], "whoever gave it knows, and no other could take it away"
    ola = at(app, OLA)
    ola.post("/acting-for", membership=ids(app, OLA))
    assert invite(ola, EVA, "administrator") == 303
    eva = another(app)
    eva.get(link(app))
    assert eva.post("/invitation", name="Eva Ny", new_password=NEW, repeated_password=NEW).status_code == 303
    assert [to for to, _body in letters(app, "role_given")] == [ADA]
    assert "Eva Ny (eva@lillevik.example)" in letters(app, "role_given")[0][1]
    kari = ids(app, KARI, "313000001")
    assert set_roles(siv, kari, "reporter", "signatory", "administrator")[0] == 303
    assert set_roles(siv, kari, "reporter", "signatory")[0] == 303
    assert len(letters(app, "role_given")) == 1


# -- leaving ----------------------------------------------------------------------------------------------------------


def test_whoever_leaves_sees_nothing_more_and_may_come_back(app: Flask) -> None:
    ada, ola = at(app, ADA), at(app, OLA)
    ola.post("/acting-for", membership=ids(app, OLA))
    assert ola.get("/probe/queue").status_code == 200
    member = ids(app, OLA)
    assert ada.post(f"/people/{member}/retire", heir="").status_code == 303
    assert ola.get("/probe/queue").status_code == 403, "he acts for the only one he has left"
    assert ola.post("/acting-for", membership=member).status_code == 404
    assert [to for to, _body in letters(app, "membership_ended")] == [OLA]
    assert "Has left" in ada.get("/people").text
    assert ada.post(f"/people/{member}/retire", heir="").status_code == 422
    invite(ada, OLA, "decision_maker")
    ola.get(link(app))
    assert ola.post("/invitation").status_code == 303
    assert ids(app, OLA) == member
    assert roles(app, OLA) == {Role.DECISION_MAKER}


def test_an_heir_gets_the_roles_that_nobody_else_has_and_a_letter(app: Flask) -> None:
    ada = at(app, ADA)
    invite(ada, KARI, "reviewer")
    kari = at(app, KARI)
    kari.get(link(app))
    kari.post("/invitation")
    page = ada.get(f"/people/{ids(app, ADA)}/retire").text
    assert "Nothing waits for Ada Admin now" in page
    assert ada.post(f"/people/{ids(app, ADA)}/retire", heir="no id").status_code == 422
    assert ada.post(f"/people/{ids(app, ADA)}/retire", heir=ids(app, KARI)).status_code == 303
    assert roles(app, KARI) == {Role.REVIEWER, Role.ADMINISTRATOR}
    assert [to for to, _body in letters(app, "handed_over")] == [KARI]
    assert actions(app)[-3:] == ["membership.roles_changed", "membership.handed_over", "membership.ended"]


def test_an_administrator_sees_and_touches_only_their_own_people(app: Flask) -> None:
    ada, siv, supplier = at(app, ADA), at(app, SIV), "313000001"
    invite(siv, ANY, "reporter")
    page = ada.get("/people").text
    assert "Ola Hansen" in page
    for foreign in (KARI, "Siv Sjef", ANY):
        assert foreign not in page
    member = ids(app, KARI, supplier)
    for path in (f"/people/{member}", f"/people/{member}/retire"):
        assert ada.get(path).status_code == 404
        assert ada.post(path, roles="reviewer").status_code == 404
    for act in ("resend", "withdraw"):
        assert ada.post(f"/people/invitations/{the_invitation(app)}/{act}").status_code == 404
    assert ada.post(f"/people/{ids(app, OLA)}/retire", heir=member).status_code == 404
    assert at(app, KARI).get("/people").status_code == 403


def test_every_role_says_what_it_does_and_each_that_must_be_held_has_its_words() -> None:
    assert set(WHAT_ROLES_DO) == set(Role)
    assert set(members.LAST_OF) == WEIGHTY
