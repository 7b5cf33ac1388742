"""For whom the database is asked. PostgreSQL is told in each transaction, and shows and takes only what is theirs.

The rules themselves stand in `portal.model.policies`. SQLite has none: there `permissions.visible` is the only layer.
A session acts for nobody until somebody says otherwise, and nobody sees no row that belongs to anybody.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from sqlalchemy import Connection, event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, SessionTransaction

from portal.extensions import db

APP_ROLE = "klimakontrakt_app"
"""The web's role on PostgreSQL: neither owner nor superuser, so that no policy is void for it."""
WORKER_ROLE = "klimakontrakt_worker"
"""Who holds it may act on everything, where that is asked for by name."""

_KEY = "subject"
_TELL = text(
    "SELECT set_config('app.organisation', :organisation, true), set_config('app.contract', :contract, true), "
    "set_config('app.subject', :subject, true)"
)
_WRITE_ON = text("SELECT set_config('app.chains', :chains, true)")
_MAY = text("SELECT subject_is_everything() OR NOT row_security_active('contract')")


class NotTheWorker(Exception):
    """Everything was asked for in a role that may not see it. The message says what to do."""

    def __init__(self) -> None:
        super().__init__(f"This needs the DATABASE_URL of the role {WORKER_ROLE}: no other sees every row.")


@dataclass(frozen=True)
class Reach:
    """What the role of a connection can do past the policies.

    Attributes:
        role: its name.
        passes_by: why every policy is void for it; "" when none is.
        may_everything: whether it may act on everything where that is asked for by name.
    """

    role: str
    passes_by: str
    may_everything: bool

    def faults(self, *, works: bool) -> Iterator[str]:
        """Why it is not fit to serve pages, or to work, in words for the one who runs the portal."""
        if self.passes_by:
            yield (
                f"The role {self.role} {self.passes_by}, so that no policy holds for it. Give DATABASE_URL the role "
                f"{APP_ROLE} or {WORKER_ROLE}, and the owner to DATABASE_OWNER_URL."
            )
        elif works and not self.may_everything:
            yield (
                f"The role {self.role} may not look over all rows for what waits. Run `portal serve --no-work` with "
                f"it, and `portal work` with the DATABASE_URL of {WORKER_ROLE}."
            )


_REACH = text(
    "SELECT current_user, rolsuper, rolbypassrls, "
    "EXISTS (SELECT FROM pg_class WHERE relname = 'contract' AND relkind = 'r' AND pg_has_role(relowner, 'member')), "
    "EXISTS (SELECT FROM pg_roles WHERE rolname = :worker AND pg_has_role(oid, 'usage')) "
    "FROM pg_roles WHERE rolname = current_user"
)


def reach(connection: Connection) -> Reach | None:
    """What the role of this connection can do; None on SQLite, which knows no roles."""
    if connection.dialect.name != "postgresql":
        return None
    role, is_superuser, bypasses, owns, may_everything = connection.execute(_REACH, {"worker": WORKER_ROLE}).one()
    words = {"is a superuser": is_superuser, "passes by row security": bypasses, "owns the tables": owns}
    return Reach(role, next((why for why, holds in words.items() if holds), ""), may_everything)


@dataclass(frozen=True)
class Subject:
    """Whose rows there are for a session.

    Attributes:
        organisation: the organisation that is acted for.
        contract: a contract that the portal itself goes on with, for both its parties, beside what else is visible.
        is_everything: all rows: for finding work that waits, and for the commands of the one who runs the portal.
    """

    organisation: int | None = None
    contract: int | None = None
    is_everything: bool = False


NOBODY = Subject()
EVERYTHING = Subject(is_everything=True)


def current() -> Subject:
    """Whom this session acts for."""
    found: Subject = db.session.info.get(_KEY, NOBODY)
    return found


def act_for(organisation_id: int | None) -> None:
    """From now on this session acts for an organisation, until it is closed at the end of its request."""
    _be(Subject(organisation=organisation_id))


@contextmanager
def acting_for(organisation_id: int | None) -> Iterator[None]:
    """The session acts for an organisation for a while, and then for whom it acted before."""
    with _being(Subject(organisation=organisation_id)):
        yield


def act_on_everything() -> None:
    """From now on this session acts on everything: for the commands of the one who runs the portal."""
    _be(EVERYTHING)


@contextmanager
def everything() -> Iterator[None]:
    """The worker looks over all rows, to find what waits. What it finds is done `for_contract`."""
    with _being(EVERYTHING):
        yield


@contextmanager
def for_contract(contract_id: int | None) -> Iterator[None]:
    """A job does what is due on one contract, and sees nothing else; what belongs to no contract needs everything."""
    with _being(EVERYTHING if contract_id is None else Subject(contract=contract_id)):
        yield


@contextmanager
def beside_contract(contract_id: int) -> Iterator[None]:
    """The portal itself goes on with a contract for both its parties, in the transaction of whoever set it off.

    What a supplier signs is judged by what the buyer has noted, and the other way round. What is to be written must be
    flushed before this ends.
    """
    with _being(replace(current(), contract=contract_id)):
        yield


def tell(connection: Connection, subject: Subject) -> None:
    """Let the rest of this transaction act for `subject`. Raises NotTheWorker."""
    if connection.dialect.name != "postgresql":
        return
    connection.execute(
        _TELL,
        {
            "organisation": str(subject.organisation or ""),
            "contract": str(subject.contract or ""),
            "subject": "everything" if subject.is_everything else "",
        },
    )
    if subject.is_everything and not connection.scalar(_MAY):
        raise NotTheWorker


def write_on(connection: Connection, chains: Iterable[str]) -> None:
    """Let the rest of this transaction put entries on these chains of organisations, whoever it acts for.

    For the trail alone: what is done for one organisation may be written down with another.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(_WRITE_ON, {"chains": " ".join(chains)})


def _be(subject: Subject) -> None:
    if subject == current():
        return
    session = db.session()
    session.info[_KEY] = subject
    if db.engine.dialect.name == "postgresql" and session.in_transaction():
        tell(session.connection(), subject)


@contextmanager
def _being(subject: Subject) -> Iterator[None]:
    before = current()
    _be(subject)
    try:
        yield
    except BaseException:
        with suppress(DBAPIError):  # a transaction that failed can be told nothing any more, and forgets by itself
            _be(before)
        raise
    _be(before)


def _begun(session: Session, _transaction: SessionTransaction, connection: Connection) -> None:
    subject = session.info.get(_KEY, NOBODY)
    if subject != NOBODY:
        tell(connection, subject)


event.listen(db.session, "after_begin", _begun)
