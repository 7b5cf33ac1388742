"""The browsers in which a person is signed in, in words that they know them by."""

import uuid
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import select

from portal import clock
from portal.errors import NotFound
from portal.extensions import db
from portal.model import Person, WebSession
from portal.operations.lookup import NOT_HERE

IDLE = timedelta(minutes=60)
"""How long a session lasts after its browser was seen."""

_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("Chrome", "Chrome"),
    ("CriOS", "Chrome"),
    ("Safari", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Mac OS", "Mac"),
    ("Linux", "Linux"),
)
"""What browsers say of themselves -> what people call it; the first that fits, for most name others too."""


def name_of(user_agent: str) -> str:
    """Browser and system, such as "Firefox, Windows"; empty when neither is known."""
    found = (next((name for mark, name in known if mark in user_agent), "") for known in (_BROWSERS, _SYSTEMS))
    return ", ".join(each for each in found if each)


def of(person: Person) -> Sequence[WebSession]:
    """The sessions of a person that are alive, the one seen last first."""
    now = clock.now()
    alive = (WebSession.person_id == person.id, WebSession.expires_at > now, WebSession.seen_at > now - IDLE)
    return db.session.scalars(select(WebSession).where(*alive).order_by(WebSession.seen_at.desc())).all()


def end(person: Person, public_id: uuid.UUID) -> WebSession:
    """End one of the person's own sessions. Inside a writing transaction. Raises NotFound."""
    own = select(WebSession).where(WebSession.person_id == person.id, WebSession.public_id == public_id)
    found = db.session.scalar(own)
    if found is None:
        raise NotFound(NOT_HERE)
    db.session.delete(found)
    db.session.flush()
    return found
