"""Programs that read for an organisation: who may come, and what they act as."""

import uuid
from collections.abc import Sequence

from sqlalchemy import select

from portal.errors import Forbidden, NotFound, Refused
from portal.extensions import db
from portal.maskinporten import Consumer
from portal.model import Membership, Organisation, Program, Role, record
from portal.operations import accounts
from portal.operations.lookup import NOT_HERE
from portal.reach import Sight
from portal.text import Text, repeated

UNKNOWN = Text(
    "Virksomhet {number} er ikke registrert her.",
    "Organisation {number} is not registered here.",
)
NOT_LET_IN = Text(
    "Tokenet er gyldig, men virksomhet {number} har ikke gitt dette programmet adgang her.",
    "The token is valid, but organisation {number} has not let this program in here.",
)


def add(number: str, name: str, client_id: str = "") -> Program:
    """Let a program read what an organisation sees. Raises Refused when there is no such organisation."""
    organisation = accounts.organisation_by_number(number)
    if organisation is None:
        raise Refused(UNKNOWN.with_values(number=repeated(number)))
    program = Program(organisation=organisation, organisation_id=organisation.id, name=name, client_id=client_id)
    db.session.add(program)
    db.session.flush()
    record(program, "program.added", by=None, name=name)
    return program


def end(public_id: uuid.UUID) -> Program:
    """Let it read no more. Raises NotFound, InvalidTransition."""
    program = db.session.scalar(select(Program).where(Program.public_id == public_id))
    if program is None:
        raise NotFound(NOT_HERE)
    program.end()
    return program


def every() -> Sequence[Program]:
    """All programs, the ended ones too, in the order in which they came."""
    return db.session.scalars(select(Program).order_by(Program.id)).all()


def of(consumer: Consumer) -> Program:
    """The program that a token speaks of. Raises Forbidden when its organisation has let in none such."""
    is_it = (Organisation.number == consumer.number, Program.ended_at.is_(None))
    found = db.session.scalars(
        select(Program)
        .join(Program.organisation)
        .where(*is_it, Program.client_id.in_([consumer.client_id, ""]))
        .order_by(Program.client_id.desc(), Program.id)
    ).first()
    if found is None:
        raise Forbidden(NOT_LET_IN.with_values(number=consumer.number))
    return found


def reader(program: Program) -> Membership:
    """What a program acts as: one who reads for its organisation, and nobody in person. Never stored."""
    return Membership(
        organisation=program.organisation,
        organisation_id=program.organisation_id,
        role_codes=[Role.READER.value],
        sight=Sight.ALL,
    )
