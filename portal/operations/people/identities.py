"""Persons whom a provider vouches for: whose the identity is, and which roles follow from the provider's groups."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, exists, select

from portal import clock, providers
from portal.config import BadSetting
from portal.errors import Forbidden, NotFound, Refused
from portal.extensions import db, parts
from portal.model import Identity, Membership, Person, ProviderSession, Role, WebSession, record
from portal.operations import accounts, mail
from portal.operations.lookup import NOT_HERE
from portal.operations.people import members, powers
from portal.providers import Provider
from portal.text import Text, same

UNKNOWN = Text(
    "{provider} sier hvem du er, men ingen her er koblet til den innloggingen. Har du passord her, så logg inn med det "
    "og velg «Koble til» under «Din konto». Hvis ikke, be en administrator i virksomheten din om en invitasjon.",
    "{provider} says who you are, but nobody here is connected to that sign-in. If you have a password here, sign in "
    "with it and choose “Connect” under “Your account”. If not, ask an administrator of your organisation for one.",
)
CLOSED = Text(
    "Kontoen din her er stengt. Snakk med en administrator i virksomheten din.",
    "Your account here is closed. Speak to an administrator of your organisation.",
)
NO_ROLES = Text(
    "{provider} gir deg ingen rolle her nå. Be den som styrer tilgangene i virksomheten din, om å legge deg i riktig "
    "gruppe, og logg inn på nytt.",
    "{provider} gives you no role here now. Ask whoever manages access in your organisation to put you in the right "
    "group, and sign in again.",
)
TOO_MANY_GROUPS = Text(
    "{provider} sendte ikke gruppene dine, for du er med i for mange. Den som styrer tilgangene, må sette programmet "
    "til å sende bare «grupper tildelt programmet».",
    "{provider} did not send your groups, for you are in too many. Whoever manages access must set the application to "
    "send only “groups assigned to the application”.",
)
WRONG_GROUPS = Text(
    "Det {provider} sendte om gruppene dine, kan ikke leses. Si fra til den som driver portalen.",
    "What {provider} sent about your groups cannot be read. Tell whoever runs the portal.",
)
SOMEBODY_ELSES = Text(
    "Denne innloggingen hos {provider} er koblet til en annen person her. Logg ut der, og prøv igjen med din egen.",
    "This sign-in at {provider} is connected to another person here. Sign out there, and try again with your own.",
)
LAST_WAY_IN = Text(
    "Dette er den eneste måten du kan logge inn på. Lag et passord først.",
    "This is your only way to sign in. Make a password first.",
)
RULES_ROLES = Text(
    "{provider} sier hvilke roller du har hos {organisation}, så du kan ikke koble fra så lenge du er med der.",
    "{provider} says which roles you have at {organisation}, so you cannot disconnect it while you are a member there.",
)
NO_ORGANISATION = Text(
    "Portalen skal gi roller i virksomhet {number}, som ikke er registrert her. Si fra til den som driver portalen.",
    "The portal is to give roles in organisation {number}, which is not registered here. Tell whoever runs the portal.",
)
LEFT_AFTER = timedelta(days=30)
"""How long somebody may stay away from the provider that rules their roles before they are taken to have left."""


def demand_known_roles(every: Iterable[Provider]) -> None:
    """Refuse settings that give roles there are none of. Raises BadSetting."""
    for provider in every:
        if strange := sorted({code for codes in provider.groups.values() for code in codes} - set(Role)):
            known = ", ".join(sorted(Role))
            raise BadSetting(
                f"{providers.SETTING}: [{provider.key}] groups: {strange[0]} is no role. There are {known}."
            )


def arriving(provider: Provider, claims: Mapping[str, Any]) -> Identity:
    """The identity of whoever comes with these claims, linked and with the roles of now. Raises Forbidden in words.

    Known by issuer and subject. By e-mail only the first time, and only where this provider is trusted for its domain.
    A person who has no role left is refused; that they lost them is kept nevertheless, if the caller commits.
    """
    identity = _known(provider, claims)
    roles = _roles(provider, claims)
    if identity is None:
        identity = _newly_linked(provider, claims, roles)
    if not identity.person.active:
        raise Forbidden(CLOSED)
    identity.used_at = clock.now()
    if roles is not None:
        replace_roles(identity.person, provider, roles)
    return identity


def has_a_role(person: Person) -> bool:
    """Whether anything is left for a person to do here, for anybody."""
    return any(each.roles for each in person.memberships)


def connect(person: Person, provider: Provider, claims: Mapping[str, Any]) -> Identity:
    """Link what the provider calls them to a person who is signed in. Raises Forbidden when it is another's."""
    identity = _known(provider, claims)
    if identity is None:
        mail.write_personal(person, "provider_connected", provider=provider.name.to(person.language))
        return _linked(person, provider, claims)
    if identity.person_id != person.id:
        raise Forbidden(SOMEBODY_ELSES.with_values(provider=provider.name))
    return identity


def disconnect(person: Person, public_id: object) -> None:
    """Take away one of a person's own identities; sessions that began with it end, and they are told by letter.

    Raises NotFound, Refused.
    """
    own = identities_of(person)
    identity = next((each for each in own if each.public_id == public_id), None)
    if identity is None:
        raise NotFound(NOT_HERE)
    if person.password is None and len(own) == 1:
        raise Refused(LAST_WAY_IN)
    for ruled in person.memberships:
        ruling = governing(ruled)
        if ruling is not None and ruling.issuer == identity.issuer:
            raise Refused(RULES_ROLES.with_values(provider=ruling.name, organisation=ruled.organisation.name))
    provider = provider_name(identity).to(person.language)
    mail.write_personal(person, "provider_disconnected", provider=provider)
    record(identity, "identity.disconnected", by=_own(person), person=person.id, issuer=identity.issuer)
    db.session.flush()
    end_sessions(ProviderSession.identity_id == identity.id)
    db.session.delete(identity)


def identities_of(person: Person) -> list[Identity]:
    """By whose word a person may come in, in the order in which they were linked."""
    return list(db.session.scalars(select(Identity).where(Identity.person_id == person.id).order_by(Identity.id)))


def provider_name(identity: Identity) -> Text:
    """What the provider is called; its address, where the settings know it no more."""
    names = (each.provider.name for each in parts().providers.values() if each.provider.issuer == identity.issuer)
    return next(names, same(identity.issuer))


def governing(membership: Membership) -> Provider | None:
    """The provider whose groups say what somebody is in this membership, if one does.

    What they say holds in a session that began there, and in no other: who has left there cannot begin one. A session
    lasts for half a day, and so does what the groups said.
    """
    number = membership.organisation.number
    ruling = [each.provider for each in parts().providers.values() if each.provider.groups]
    here = {each.issuer: each for each in ruling if each.organisation == number}
    if not here:
        return None
    found = select(Identity.issuer).where(Identity.person_id == membership.person_id, Identity.issuer.in_(here))
    issuer = db.session.scalar(found.limit(1))
    return here[issuer] if issuer else None


def retire_leavers() -> int:
    """End the memberships of those who have not come by the provider that rules them for LEFT_AFTER. How many.

    Whoever alone holds a role that somebody must hold stays: a person must look at that.
    """
    before, ended = clock.now() - LEFT_AFTER, 0
    for provider in (each.provider for each in parts().providers.values() if each.provider.groups):
        stale = select(Identity.person_id).where(Identity.issuer == provider.issuer, Identity.used_at < before)
        here = Membership.organisation.has(number=provider.organisation)
        rows = select(Membership).where(Membership.person_id.in_(stale), Membership.ended_at.is_(None), here)
        found = db.session.scalars(rows.order_by(Membership.id)).all()
        ended += sum(members.lapse(row, provider=provider.key) for row in found)
    return ended


def replace_roles(person: Person, provider: Provider, roles: frozenset[Role]) -> None:
    """From now on the person holds these roles in the provider's organisation, and no others there.

    Raises Forbidden when the organisation is not registered, and Refused for roles that are not its side's.
    """
    organisation = accounts.organisation_by_number(provider.organisation)
    if organisation is None:
        raise Forbidden(NO_ORGANISATION.with_values(number=provider.organisation))
    held = next((each for each in person.memberships if each.organisation_id == organisation.id), None)
    if held is None:
        if roles:
            powers.tell(accounts.join(person, organisation, *sorted(roles)), roles, by=None)
    else:
        members.follow(held, roles, provider=provider.key)


def membership_for(person: Person, numbers: list[str]) -> Membership | None:
    """The one membership in an organisation of these numbers; none when there is none of them, or several."""
    fitting = [each for each in person.memberships if each.organisation.number in numbers]
    return fitting[0] if len(fitting) == 1 else None


def end_sessions_of(provider: Provider, claims: Mapping[str, Any]) -> int:
    """End the sessions that a provider says are over: the one named by `sid`, else all of `sub`. Says how many."""
    sid, subject = claims.get("sid"), claims.get("sub")
    theirs = Identity.issuer == provider.issuer
    if isinstance(subject, str) and subject:
        theirs &= Identity.subject == subject
    of_issuer = ProviderSession.identity_id.in_(select(Identity.id).where(theirs))
    return end_sessions(of_issuer & (ProviderSession.sid == sid) if isinstance(sid, str) and sid else of_issuer)


def end_sessions(which: ColumnElement[bool]) -> int:
    """End the sessions in our own list for which this holds. How many there were."""
    named = exists().where(ProviderSession.session_id == WebSession.public_id, which)
    return len(db.session.execute(delete(WebSession).where(named).returning(WebSession.public_id)).all())


def _known(provider: Provider, claims: Mapping[str, Any]) -> Identity | None:
    is_theirs = (Identity.issuer == provider.issuer, Identity.subject == claims["sub"])
    return db.session.scalar(select(Identity).where(*is_theirs))


def _newly_linked(provider: Provider, claims: Mapping[str, Any], roles: frozenset[Role] | None) -> Identity:
    email = _trusted_email(provider, claims)
    person = accounts.by_email(email) if email else None
    if person is None and email and roles:
        person = accounts.add_person(email, _name(claims) or email)
    if person is None:
        raise Forbidden(UNKNOWN.with_values(provider=provider.name))
    return _linked(person, provider, claims)


def _linked(person: Person, provider: Provider, claims: Mapping[str, Any]) -> Identity:
    now = clock.now()
    identity = Identity(person=person, person_id=person.id, issuer=provider.issuer, subject=claims["sub"], used_at=now)
    db.session.add(identity)
    db.session.flush()
    record(identity, "identity.connected", by=_own(person), person=person.id, issuer=provider.issuer)
    return identity


def _trusted_email(provider: Provider, claims: Mapping[str, Any]) -> str:
    """The address, where the provider says that it is checked and we trust the provider to know; else empty.

    Entra says so by `xms_edov`: an address in its tokens may otherwise be whatever an administrator wrote.
    """
    email = claims.get("email")
    is_checked = claims.get("email_verified") is True or claims.get("xms_edov") in (True, 1, "1", "true")
    if not isinstance(email, str) or not is_checked:
        return ""
    address = email.strip().lower()
    return address if address.rpartition("@")[2] in provider.domains else ""


def _name(claims: Mapping[str, Any]) -> str:
    name = claims.get("name")
    return " ".join(name.split())[:200] if isinstance(name, str) and name.isprintable() else ""


def _roles(provider: Provider, claims: Mapping[str, Any]) -> frozenset[Role] | None:
    """The roles that follow from the groups in the token; None where this provider gives none.

    A token that leaves the groups out because there are too many must not be read as one of somebody in no group.
    """
    if not provider.groups:
        return None
    left_out = claims.get("_claim_names")
    if claims.get("hasgroups") or (isinstance(left_out, dict) and "groups" in left_out):
        raise Forbidden(TOO_MANY_GROUPS.with_values(provider=provider.name))
    groups = claims.get("groups", [])
    if not isinstance(groups, list) or not all(isinstance(each, str) for each in groups):
        raise Forbidden(WRONG_GROUPS.with_values(provider=provider.name))
    return frozenset(Role(code) for group in groups for code in provider.groups.get(group, ()))


def _own(person: Person) -> Membership | None:
    """The membership under which what a person does with their own account stands in the trail."""
    return person.memberships[0] if person.memberships else None
