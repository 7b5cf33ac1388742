"""The decision as a paper that the supplier keeps, and by which they can verify the trail."""

import io
from pathlib import Path

import pypdf
from sqlalchemy import select, text

from portal.extensions import db, transaction
from portal.model import AuditEvent, OutgoingMail, Person, Role
from portal.operations import anchors, audit
from portal.operations.cases import cures
from portal.operations.people import own_data
from portal.work import anchor_trail
from tests import casework
from tests.conftest import SECRET
from tests.sanctioning import Room, decided, heard, proposed, room
from tests.terminal import Terminal
from tests.world import deliver_mail

__all__ = ["room"]


def text_of(content: bytes) -> str:
    return " ".join(" ".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(content)).pages).split())


def test_the_paper_says_the_decision_and_verifies_the_trail(
    room: Room, everyday_database_url: str, tmp_path: Path
) -> None:
    world = room.world
    sanction = proposed(world, heard(world, casework.found(world)))
    path = f"/cases/sanctions/{sanction.public_id}/decision.pdf"
    adam, anna = room.at(world.adam), room.at(world.anna)
    case = f"/cases/{sanction.deviation.public_id}"
    assert "decision.pdf" not in adam.get(case).text
    assert [desk.get(path).status_code for desk in (adam, anna)] == [404, 404], "nothing is decided yet"
    anchor_trail({})
    decided(world, sanction)

    assert path in anna.get(case).text
    answer = anna.get(path)
    assert (answer.status_code, answer.mimetype) == (200, "application/pdf")
    said = text_of(answer.data)
    amount = f"{sanction.amount:,.0f}".replace(",", " ")
    for expected in ("K-1 Prøveskolen", "Leverandørens risiko.", "Enig.", "Dora Prøve", f"{amount} NOK"):
        assert expected in said, (expected, said)
    known = anchors.read(said)
    assert (len(known.seals), len(known.anchors), known.heads) == (1, 1, [])
    assert room.at(world.stranger).get(path).status_code == 404

    (tmp_path / "decision.txt").write_text(said)
    db.session.rollback()
    terminal = Terminal(tmp_path, DATABASE_URL=everyday_database_url, KLIMAKONTRAKT_SECRET_KEY=SECRET)
    verified = terminal.run("verify-audit", "--anchor", str(tmp_path / "decision.txt"))
    assert (verified.exit_code, verified.stdout) == (
        0,
        (
            "Every chain is whole. What was kept outside matches: entries 1, anchors 1.\n"
            "Every report is as it was signed.\n"
        ),
    )
    seal = known.seals[0]
    (tmp_path / "forged.txt").write_text(said.replace(f"entry {seal[:8]}", f"entry {seal[::-1][:8]}"))
    assert "removed or written anew" in terminal.run("verify-audit", "--anchor", str(tmp_path / "forged.txt")).stderr

    anchor_trail({})
    assert room.at(world.anna).get(path).data == answer.data, "the same decision is the same file, whatever came after"


def test_every_letter_of_a_case_seals_the_trail_once(room: Room) -> None:
    """The notice with its reminder, and the decision: no place in a chain, and what it says is in the trail."""
    world = room.world
    sanction = decided(world, proposed(world, heard(world, casework.found(world))))
    deliver_mail()
    asked = select(OutgoingMail.letter, OutgoingMail.body).where(OutgoingMail.contract_id == sanction.contract_id)
    written = {row.letter: row.body for row in db.session.execute(asked)}
    for letter in ("notice", "sanction_decided"):
        known = anchors.read(written[letter])
        assert (len(known.seals), known.heads) == (1, []), letter
        assert list(audit.broken_links(known)) == []
    assert anchors.read(written["notice"]).seals != anchors.read(written["sanction_decided"]).seals


def test_a_paper_stays_what_it_was_when_others_change(room: Room) -> None:
    """New names, a new title, a clause worded anew, a person erased: whoever holds the paper holds the same bytes."""
    world = room.world
    sanction = decided(world, proposed(world, heard(world, casework.found(world))))
    [revision] = world.report.revisions
    paths = [
        f"/cases/sanctions/{sanction.public_id}/decision.pdf",
        f"/reports/revisions/{revision.public_id}/receipt.pdf",
    ]
    anna = room.at(world.anna)
    before = [anna.get(path).data for path in paths]
    with transaction():
        world.bo.person.name, world.bo.organisation.name = "Bo Nytt Navn", "Helt Andre AS"
        world.contract.buyer.name, world.contract.title = "Storby kommune", "Nyskolen"
        sanction.clause.wording, sanction.deviation.clause = "Noe annet.", "9.9"
        world.adam.role_codes = [*world.adam.role_codes, Role.DECISION_MAKER.value]
        own_data.erase(world.dora.person)
    assert [anna.get(path).data for path in paths] == before
    assert list(audit.broken_links()) == []


def test_what_was_kept_for_a_paper_is_in_the_trail_by_its_fingerprint(room: Room) -> None:
    world = room.world
    sanction = decided(world, proposed(world, heard(world, casework.found(world))))
    with transaction():
        for guard in ("guard_sanction_kept_update", "guard_revision_update"):
            on_table = f" ON {guard.split('_')[1]}" if db.engine.dialect.name == "postgresql" else ""
            db.session.execute(text(f"DROP TRIGGER {guard}{on_table}"))
        sanction.on_paper = {**sanction.on_paper, "decided_by": "En annen"}
    [broken] = audit.broken_links()
    assert (broken.chain, broken.why) == (f"contract:{world.contract.id}", "what its paper says is not what was kept")


def test_own_data_tells_nobody_elses_name_from_a_paper_and_the_trail_names_nobody(room: Room) -> None:
    world = room.world
    sanction = decided(world, proposed(world, heard(world, casework.found(world))))
    proposer = sanction.proposed_by.name
    with transaction():
        found = own_data.collected(world.dora.person)
        facts = " ".join(str(each.facts) + str(each.changes) for each in db.session.scalars(select(AuditEvent)))
        names = [each.name for each in db.session.scalars(select(Person))]
    [row] = found["sanction"]
    assert (row["on_paper"], row["proposers"]) == ({"decided_by": "Dora Prøve"}, [])
    assert proposer not in str({table: rows for table, rows in found.items() if table != "outgoing_mail"})
    assert [name for name in names if name in facts] == []


def test_who_notes_the_last_day_is_not_named_in_the_trail(room: Room) -> None:
    world = room.world
    case = casework.found(world)
    first = case.report.period.starts_on
    with transaction():
        cures.put_right(case, first, "Målt.", by=world.adam, version=case.version)
        name = world.adam.person.name
    with transaction():
        asked = select(AuditEvent).where(AuditEvent.action == "deviation.put_right")
        [entry] = db.session.scalars(asked)
        assert entry.facts == {"on": first.isoformat()}
        assert name not in str(entry.changes)
