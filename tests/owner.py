"""Who owns the database, and can write past the portal and its triggers."""

from sqlalchemy import create_engine, text

from portal.extensions import db
from portal.model import guards


def as_owner(database_url: str, words: str) -> None:
    """The owner of the database takes the triggers away for a moment."""
    db.session.rollback()
    engine = create_engine(database_url)
    with engine.begin() as connection:
        guards.remove(connection)
        connection.execute(text(words))
        guards.install(connection)
    engine.dispose()
