"""Somebody who owns the database changes the trail behind the portal's back. `portal verify-audit` says where."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.orm import Session

from portal import resources
from portal.extensions import begin_writing, db, transaction
from portal.model import AuditEvent, Contract, Person, guards, record
from portal.model.audit import FIRST_HASH
from portal.operations import anchors, audit
from portal.operations.reports import revisions
from portal.work import anchor_trail
from tests.conftest import SECRET
from tests.terminal import Terminal
from tests.world import World, letters, submit

Tamper = Callable[[Engine, str], object]
FORGED = {"fuel": {"fields": ["supplier"], "reason": "x"}}


@pytest.fixture
def terminal(world: World, tmp_path: Path, database_url: str) -> Terminal:
    """The operator, at an installation where a report has been filed."""
    submit(world)
    db.session.rollback()
    return Terminal(tmp_path, DATABASE_URL=database_url, KLIMAKONTRAKT_SECRET_KEY=SECRET)


@pytest.fixture
def owner(terminal: Terminal) -> Iterator[Engine]:
    """The owner of the database, who has taken the triggers away."""
    engine = create_engine(terminal.environment["DATABASE_URL"])
    with engine.begin() as connection:
        guards.remove(connection)
    yield engine
    engine.dispose()


@pytest.fixture
def letter(terminal: Terminal, tmp_path: Path) -> Path:
    """What `portal anchor` printed before anybody touched the trail, kept elsewhere."""
    kept = tmp_path / "kept-elsewhere.txt"
    kept.write_text(terminal.run("anchor").stdout)
    return kept


def test_a_trail_that_nobody_touched_is_whole(terminal: Terminal, letter: Path) -> None:
    assert terminal.run("verify-audit").stdout == "Every chain is whole.\nEvery report is as it was signed.\n"
    held = terminal.run("verify-audit", "--anchor", str(letter)).stdout
    assert re.fullmatch(
        r"Every chain is whole\. What was kept outside matches: entries \d+, anchors 1\.\nEvery report .*\n", held
    )


def _edit(owner: Engine, chain: str) -> None:
    _run(owner, "UPDATE audit_event SET reason = 'Nei' WHERE chain = :chain AND sequence = 3", chain)


def _edit_changes(owner: Engine, chain: str) -> None:
    _run(owner, """UPDATE audit_event SET changes = '{"state": [1, 2]}' WHERE chain = :chain AND sequence = 3""", chain)


def _edit_request(owner: Engine, chain: str) -> None:
    _run(owner, "UPDATE audit_event SET request_id = 'another' WHERE chain = :chain AND sequence = 3", chain)


def _age(owner: Engine, chain: str) -> None:
    """As if it were an entry from before before and after were written down."""
    _run(owner, "UPDATE audit_event SET version = 1 WHERE chain = :chain AND sequence = 3", chain)


def _delete(owner: Engine, chain: str) -> None:
    _run(owner, "DELETE FROM audit_event WHERE chain = :chain AND sequence = 3", chain)


def _swap(owner: Engine, chain: str) -> None:
    for before, after in ((3, 0), (4, 3), (0, 4)):
        words = f"UPDATE audit_event SET sequence = {after} WHERE chain = :chain AND sequence = {before}"
        _run(owner, words, chain)


def _relink(owner: Engine, chain: str) -> None:
    """The third entry with a hash of its own that is right, and the fourth as it was."""
    _rewrite(owner, chain, 3, 3)


CAUGHT_BY_THE_CHAIN: dict[str, tuple[Tamper, int, str]] = {
    "edit": (_edit, 3, "the entry is not what was written"),
    "edit changes": (_edit_changes, 3, "the entry is not what was written"),
    "edit request": (_edit_request, 3, "the entry is not what was written"),
    "age": (_age, 3, "the entry is not what was written"),
    "delete": (_delete, 3, "the entry is missing"),
    "swap": (_swap, 3, "the entry is not what was written"),
    "relink": (_relink, 4, "the entry does not follow the one before it"),
}


@pytest.mark.parametrize("way", CAUGHT_BY_THE_CHAIN)
def test_what_breaks_a_chain_is_named(world: World, terminal: Terminal, owner: Engine, letter: Path, way: str) -> None:
    tamper, sequence, why = CAUGHT_BY_THE_CHAIN[way]
    chain = f"contract:{world.contract.id}"
    tamper(owner, chain)
    for words in ((), ("--anchor", str(letter))):
        found = terminal.run("verify-audit", *words)
        assert (found.exit_code, found.stderr.splitlines()[0]) == (1, f"{chain} at {sequence}: {why}")


def test_a_cut_tail_is_found_by_what_is_known_outside(
    world: World, terminal: Terminal, owner: Engine, letter: Path
) -> None:
    chain, last = f"contract:{world.contract.id}", _length(owner, f"contract:{world.contract.id}")
    _run(owner, f"DELETE FROM audit_event WHERE chain = :chain AND sequence > {last - 2}", chain)
    assert terminal.run("verify-audit").stderr.splitlines()[0] == (
        f"{chain} at {last - 1}: the entry is missing: there were {last}"
    )
    _head_as_the_last_entry(owner, chain)
    _run(owner, "DELETE FROM audit_anchor")
    [line] = terminal.run("verify-audit").stderr.splitlines()
    assert "the trail does not know that it was signed" in line, (
        "a chain alone does not tell; the report it is about does"
    )

    found = terminal.run("verify-audit", "--anchor", str(letter))

    assert found.exit_code == 1
    assert found.stderr.splitlines()[0] == f"{chain} at {last - 1}: the entry is missing: there were {last}"


def test_a_chain_written_anew_is_found_by_what_is_known_outside(
    world: World, terminal: Terminal, owner: Engine, letter: Path
) -> None:
    chain = f"contract:{world.contract.id}"
    last = _length(owner, chain)
    _rewrite(owner, chain, 3, last)
    _head_as_the_last_entry(owner, chain)
    assert "anchor at 1" in terminal.run("verify-audit").stderr, "the portal's own newest anchor tells"
    _run(owner, "DELETE FROM audit_anchor")
    assert terminal.run("verify-audit").exit_code == 0, "a chain alone does not tell"

    found = terminal.run("verify-audit", "--anchor", str(letter))

    why = "the entry is not the one that is known outside: the chain was written anew"
    assert (found.exit_code, found.stderr.splitlines()[0]) == (1, f"{chain} at {last}: {why}")


def test_one_line_of_a_receipt_is_enough(world: World, terminal: Terminal, owner: Engine, tmp_path: Path) -> None:
    """The anchor alone, broken as paper breaks it: it stands for every chain."""
    with transaction():
        words = anchors.text(anchors.drop(anchors.heads()))
    db.session.rollback()
    paper = tmp_path / "receipt.txt"
    paper.write_text(f"Journal: {words[:30]}\n  {words[30:]} Side 1")
    assert terminal.run("verify-audit", "--anchor", str(paper)).exit_code == 0
    chain = f"organisation:{world.contract.supplier_id}"
    last = _length(owner, chain)
    _rewrite(owner, chain, 1, last)
    _head_as_the_last_entry(owner, chain)

    found = terminal.run("verify-audit", "--anchor", str(paper))

    why = "an entry from before it is missing, or is not what it was then"
    assert (found.exit_code, found.stderr) == (1, f"anchor at 1: {why}\n")


def test_the_letter_of_receipt_shows_a_chain_written_anew(
    world: World, terminal: Terminal, owner: Engine, tmp_path: Path
) -> None:
    """Whoever signed keeps the letter. Everything from before it is written anew."""
    letter = str(db.session.execute(text("SELECT body FROM outgoing_mail WHERE letter = 'receipt'")).scalars().first())
    db.session.rollback()
    (tmp_path / "letter").write_text(letter)
    chain = f"contract:{world.contract.id}"
    [seal] = anchors.read(letter).seals
    assert anchors.read(letter).heads == [], "a party is told no places"
    assert terminal.run("verify-audit", "--anchor", str(tmp_path / "letter")).exit_code == 0

    _rewrite(owner, chain, 2, _length(owner, chain))
    _head_as_the_last_entry(owner, chain)

    found = terminal.run("verify-audit", "--anchor", str(tmp_path / "letter")).stderr
    assert f"entry {seal}: it is known outside, and was removed or written anew" in found


def test_a_whole_chain_that_is_gone_is_named(world: World, terminal: Terminal, owner: Engine, letter: Path) -> None:
    chain = f"contract:{world.contract.id}"
    _run(owner, "DELETE FROM audit_event WHERE chain = :chain", chain)
    assert f"{chain} at 1: all entries are missing" in terminal.run("verify-audit").stderr
    _run(owner, "DELETE FROM audit_head WHERE chain = :chain", chain)
    found = terminal.run("verify-audit", "--anchor", str(letter)).stderr
    assert f"{chain} at {json.loads(_positions(letter))[chain]}: the entry that is known outside is missing" in found


def test_what_is_no_entry_any_more_is_named(world: World, terminal: Terminal, owner: Engine, database_url: str) -> None:
    if not database_url.startswith("sqlite"):
        pytest.skip("PostgreSQL stores no JSON that is none")
    chain = f"contract:{world.contract.id}"
    _run(owner, "UPDATE audit_event SET facts = 'x' WHERE chain = :chain AND sequence = 5", chain)
    assert terminal.run("verify-audit").stderr.startswith(f"{chain} at 5: the entry cannot be read")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (
            """UPDATE revision SET secrets = '{"fuel": {"fields": ["supplier"], "reason": "x"}}'""",
            "is not what was signed",
        ),
        ("""UPDATE revision SET answers = '{}'""", "is not what was signed"),
        ("UPDATE revision_line SET position = position + 7 WHERE id = (SELECT min(id) FROM revision_line)", "what was"),
        ("UPDATE revision SET hash = 'x'", "is not what was signed"),
    ],
)
def test_a_report_that_is_not_as_it_was_signed_is_named(
    world: World, terminal: Terminal, owner: Engine, words: str, why: str
) -> None:
    _run(owner, words)
    found = terminal.run("verify-audit")
    place = f"report {world.contract.reference}, 2026-03-01 to 2026-03-31, revision 1"
    [line] = found.stderr.splitlines()
    assert (found.exit_code, line.startswith(f"{place}: "), why in line) == (1, True, True)


def test_marks_that_were_changed_together_with_the_hash_are_found_by_the_trail(
    world: World, terminal: Terminal, owner: Engine
) -> None:
    revision = revisions.newest(world.report)
    with db.session.no_autoflush:
        revision.secrets = FORGED
        forged = revisions.content_hash(world.report, revision)
    db.session.rollback()
    _run(owner, f"UPDATE revision SET secrets = '{json.dumps(FORGED)}', hash = '{forged}'")
    assert "its hash is not the one that the trail wrote down" in terminal.run("verify-audit").stderr
    _run(owner, "DELETE FROM audit_event WHERE action = 'report.submitted'")
    assert "the trail does not know that it was signed" in terminal.run("verify-audit").stderr


def test_what_holds_no_anchor_is_refused(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "other.txt").write_text("Hei!")
    assert "No head, no entry and no anchor" in terminal.refused(
        "verify-audit", "--anchor", str(tmp_path / "other.txt")
    )


@pytest.mark.parametrize(
    "words",
    [
        "UPDATE audit_event SET reason = 'x'",
        "DELETE FROM audit_event",
        "UPDATE audit_anchor SET hash = 'x'",
        "DELETE FROM audit_anchor",
        "UPDATE audit_head SET sequence = sequence - 1",
        "UPDATE audit_head SET hash = 'x'",
        "DELETE FROM audit_head",
        "TRUNCATE audit_event",
        "TRUNCATE audit_head",
        "TRUNCATE audit_anchor",
    ],
)
def test_the_database_itself_refuses(terminal: Terminal, letter: Path, words: str) -> None:
    del letter
    engine = create_engine(terminal.environment["DATABASE_URL"])
    if engine.dialect.name == "sqlite" and words.startswith("TRUNCATE"):
        pytest.skip("SQLite has no TRUNCATE")
    with pytest.raises(Exception, match=r"insert-only|only goes forward|stays"), engine.begin() as connection:
        connection.execute(text(words))
    engine.dispose()


def test_an_outsider_comes_to_the_same_end(
    world: World, terminal: Terminal, owner: Engine, letter: Path, tmp_path: Path
) -> None:
    """By the program in docs/trail.md, which knows nothing of ours."""
    [program] = re.findall(r"```python\n(.*?)```", (resources.ROOT / "docs" / "trail.md").read_text(), re.DOTALL)
    assert "portal" not in program

    def check() -> str:
        (tmp_path / "trail.jsonl").write_text(terminal.run("write-audit").stdout)
        words = [sys.executable, "-I", "-c", program, str(tmp_path / "trail.jsonl"), str(letter)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        return (done.stdout or done.stderr).strip()

    assert check() == "whole"
    chain = f"contract:{world.contract.id}"
    last = _length(owner, chain)
    _rewrite(owner, chain, 2, last)
    _head_as_the_last_entry(owner, chain)
    assert check() == f"{chain} {last} is not what was written"
    _edit(owner, chain)
    assert check() == f"{chain} 3 is not what was written"


def test_an_outsider_checks_by_a_seal_alone(world: World, terminal: Terminal, owner: Engine, tmp_path: Path) -> None:
    [program] = re.findall(r"```python\n(.*?)```", (resources.ROOT / "docs" / "trail.md").read_text(), re.DOTALL)
    chain = f"contract:{world.contract.id}"
    seal = db.session.query(AuditEvent).filter_by(chain=chain, sequence=4).one().hash
    (tmp_path / "receipt.txt").write_text(f"Journal: entry {seal}")

    def check() -> str:
        (tmp_path / "trail.jsonl").write_text(terminal.run("write-audit").stdout)
        words = [sys.executable, "-I", "-c", program, str(tmp_path / "trail.jsonl"), str(tmp_path / "receipt.txt")]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        return (done.stdout or done.stderr).strip()

    assert check() == "whole"
    _rewrite(owner, chain, 2, _length(owner, chain))
    assert check() == f"missing: {seal}"


def test_a_seal_of_a_chain_that_is_broken_elsewhere_is_not_called_lost(
    world: World, terminal: Terminal, owner: Engine, tmp_path: Path
) -> None:
    chain = f"contract:{world.contract.id}"
    (tmp_path / "log.csv").write_text(anchors.seal(db.session.query(AuditEvent).filter_by(chain=chain).all()[-1].hash))
    _edit(owner, chain)
    found = terminal.run("verify-audit", "--anchor", str(tmp_path / "log.csv"))
    assert found.stderr.splitlines() == [f"{chain} at 3: the entry is not what was written"]


def test_entries_of_the_release_before_still_verify(world: World, app: Flask, owner: Engine) -> None:
    """An entry of version 1, hashed as it was then, and a new one after it."""
    del app
    chain, organisation = f"organisation:{world.stranger.organisation_id}", world.stranger.organisation
    with transaction():
        record(organisation, "organisation.added", by=world.stranger)
    written = _length(owner, chain)
    with owner.begin() as connection:
        connection.execute(text("UPDATE audit_event SET version = 1, changes = '{}', request_id = ''"))
    for known in _chains(owner):
        _rewrite(owner, known, 1, _length(owner, known), edit=False)
        _head_as_the_last_entry(owner, known)
    with transaction():
        record(organisation, "organisation.added", by=world.stranger)
    versions = [entry.version for entry in db.session.query(AuditEvent).filter_by(chain=chain).order_by("sequence")]
    assert versions == [1] * written + [2]
    assert list(audit.broken_links()) == []


# -- what entries say --------------------------------------------------------------------------------------------------


def test_an_entry_says_what_changed_and_names_nobody(world: World) -> None:
    with transaction():
        contract = begin_writing().get_one(Contract, world.contract.id)
        contract.title = "Nyskolen"
        db.session.flush()
        contract.title, contract.due_days = "Ungdomsskolen", 9
        record(contract, "contract.edited", by=world.adam)
        contract.handed_over_on = contract.ends_on
        person = begin_writing().get_one(Person, world.anna.person_id)
        person.name, person.email, person.password = "Ny Navnesen", "ny@prove.example", "hemmelig"
        person.fs_uniquifier, person.language = "ny", "en"
        record(person, "membership.added", by=world.adam)
    edited, renamed = db.session.query(AuditEvent).order_by(AuditEvent.id.desc()).limit(2)[::-1]
    assert edited.changes == {
        "title": ["Prøveskolen", "Ungdomsskolen"],
        "due_days": [10, 9],
        "handed_over_on": [None, "2027-12-31"],
    }
    assert renamed.changes == {"name": "personal", "email": "personal", "language": ["nb", "en"]}


def test_what_is_written_long_stands_by_its_fingerprint(world: World) -> None:
    with transaction():
        world.report.amendment_reason = "Anna Prøve glemte en maskin."
        record(world.report, "report.amending", by=world.anna)
    [entry] = db.session.query(AuditEvent).filter_by(action="report.amending")
    [before, after] = entry.changes["amendment_reason"]
    assert (before, set(after)) == ("", {"sha256"})


def test_nobody_s_name_or_address_is_in_any_entry(world: World, terminal: Terminal) -> None:
    del terminal
    kept = " ".join(audit.written_out())
    for person in db.session.query(Person):
        assert person.name not in kept
        assert person.email not in kept
    assert f'"person_id": {world.anna.person_id}' in kept


def test_the_heads_are_written_to_whoever_keeps_them(
    make_app: Callable[..., Flask], world: World, database_url: str, tmp_path: Path
) -> None:
    app = make_app(database_url, anchors_to=("revisor@utenfor.example", "arkiv@utenfor.example"))
    db.session.rollback()
    with app.app_context():
        anchor_trail({})
        assert letters("anchors") == ["arkiv@utenfor.example", "revisor@utenfor.example"]
        body = db.session.execute(text("SELECT body FROM outgoing_mail WHERE letter = 'anchors'")).scalars().first()
        known = anchors.read(str(body))
        assert known.heads == anchors.heads()
        assert len(known.anchors) == 1
        assert list(audit.broken_links(known)) == []
    assert any(head.chain == f"contract:{world.contract.id}" for head in known.heads)
    del tmp_path


# -- by the owner's own hand -------------------------------------------------------------------------------------------


def _run(owner: Engine, words: str, chain: str = "") -> None:
    with owner.begin() as connection:
        connection.execute(text(words), {"chain": chain} if chain else {})


def _length(owner: Engine, chain: str) -> int:
    with owner.connect() as connection:
        asked = text("SELECT max(sequence) FROM audit_event WHERE chain = :chain")
        return int(connection.execute(asked, {"chain": chain}).scalar_one())


def _chains(owner: Engine) -> list[str]:
    with owner.connect() as connection:
        return list(connection.execute(text("SELECT chain FROM audit_head")).scalars())


def _rewrite(owner: Engine, chain: str, first: int, last: int, *, edit: bool = True) -> None:
    """Give an entry another reason, and compute every hash from it on anew, as one who knows the format can."""
    db.session.rollback()
    with Session(owner) as session, session.begin():
        entries = session.query(AuditEvent).filter_by(chain=chain).order_by(AuditEvent.sequence).all()
        previous = entries[first - 2].hash if first > 1 else FIRST_HASH
        if edit:
            entries[first - 1].reason = "Noe annet"
        for entry in entries[first - 1 : last]:
            entry.previous_hash = previous
            entry.hash = previous = entry.computed_hash()
    db.session.expire_all()
    db.session.rollback()


def _head_as_the_last_entry(owner: Engine, chain: str) -> None:
    _run(
        owner,
        "UPDATE audit_head SET sequence = (SELECT max(sequence) FROM audit_event WHERE chain = :chain), "
        "hash = (SELECT hash FROM audit_event WHERE chain = :chain ORDER BY sequence DESC LIMIT 1) "
        "WHERE chain = :chain",
        chain,
    )


def _positions(letter: Path) -> str:
    return json.dumps({head.chain: head.sequence for head in anchors.read(letter.read_text()).heads})
