"""Sessions that began at a provider: which it was, and what it takes to end it there, too."""

import base64
import uuid

from flask import url_for
from sqlalchemy import Select, select

from portal import keys
from portal.extensions import db, parts
from portal.model import Identity, Membership, ProviderSession, WebSession
from portal.operations.people import identities
from portal.web import sessions

PURPOSE = "id token"


def begin(identity_id: int, sid: str, id_token: str) -> None:
    """Note that the session of this request began at the provider of an identity. Inside a writing transaction.

    Args:
        identity_id: number of the identity by which the person came.
        sid: what the provider calls its session; empty when it has no name for it.
        id_token: shows the provider which session is to end; it is kept sealed. Empty: the provider asks the person.
    """
    here = select(WebSession.public_id).where(WebSession.id_hash == sessions.current().id_hash)
    number = db.session.execute(here).scalar_one()
    sealed = _sealed(id_token, number) if id_token else ""
    db.session.add(ProviderSession(session_id=number, identity_id=identity_id, sid=sid, id_token=sealed))


def elsewhere() -> str:
    """Where this browser is signed out at its provider; empty when it came from none, or that one has no such page."""
    found = db.session.execute(_here().add_columns(ProviderSession)).one_or_none()
    client = next((each for each in parts().providers.values() if found and each.provider.issuer == found.issuer), None)
    if found is None or client is None:
        return ""
    own = parts().settings.base_url
    return client.end_session_url(_opened(found.ProviderSession), back=own + url_for("accounts.sign_in"))


def lets_act(membership: Membership) -> bool:
    """Whether this browser's person may act in a membership of theirs now.

    Where a provider's groups rule it, only in a session that began there.
    """
    ruling = identities.governing(membership)
    return ruling is None or _issuer() == ruling.issuer


def _here() -> Select[str]:
    """The issuer by whose word the person at this browser came in."""
    return (
        select(Identity.issuer)
        .join(ProviderSession, ProviderSession.identity_id == Identity.id)
        .join(WebSession, WebSession.public_id == ProviderSession.session_id)
        .where(WebSession.id_hash == sessions.current().id_hash)
    )


def _issuer() -> str:
    """By whose word the person at this browser came in; empty when by no provider's."""
    return db.session.scalar(_here()) or ""


def _sealed(id_token: str, session_id: uuid.UUID) -> str:
    return base64.b64encode(keys.sealed(parts().settings, PURPOSE, id_token.encode(), owner=str(session_id))).decode()


def _opened(row: ProviderSession) -> str:
    """The token; empty when there is none, or its key is gone: the provider then asks the person."""
    try:
        kept = base64.b64decode(row.id_token)
        return keys.opened(parts().settings, PURPOSE, kept, owner=str(row.session_id)).decode()
    except (keys.Unreadable, ValueError):
        return ""
