"""The e-mail domains that the people of an organisation have: an address elsewhere is asked about, never let by."""

from portal import mail_domains, permissions
from portal.errors import Invalid, Refused
from portal.extensions import db
from portal.kinds.base import Problem
from portal.model import Membership, Organisation, OrganisationDomain, Person, record
from portal.operations import accounts
from portal.permissions import Permission
from portal.text import Text, repeated

MOST = 30
LONGEST_WHY = 200

NO_DOMAIN = Text(
    "Linje {line}: «{written}» er ikke et domene. Skriv det som står etter @, for eksempel lillevik.kommune.no.",
    "Line {line}: “{written}” is no domain. Write what stands after @, for example lillevik.kommune.no.",
)
ANYBODYS = Text(
    "Linje {line}: Hvem som helst kan ha en adresse hos {domain}, så den sier ikke hvem som jobber hos dere. Ta bort "
    "linjen, og bekreft dem som har slik adresse én for én når du inviterer dem.",
    "Line {line}: Anybody can have an address at {domain}, so it does not say who works for you. Remove the line, and "
    "confirm those who have such an address one by one when you invite them.",
)
TOO_MANY = Text("Skriv høyst {most} domener.", "Write at most {most} domains.")
ELSEWHERE = Text(
    "{email} er ikke en av adressene deres ({domains}). Se etter en skrivefeil. Jobber personen for dere med en "
    "adresse et annet sted, så kryss av for det, og skriv hvorfor.",
    "{email} is not one of your addresses ({domains}). Look for a mistyped letter. If the person works for you with an "
    "address elsewhere, tick that, and write why.",
)
NOT_FROM_THERE = Text(
    "{organisation} har adresser hos {domains}. Velg en slik adresse, eller snakk med en administrator i virksomheten.",
    "{organisation} has addresses at {domains}. Choose one of those, or speak to an administrator there.",
)


def of(organisation: Organisation) -> list[str]:
    """The domains, by name; none where addresses of all kinds are taken."""
    return [each.domain for each in organisation.domains]


def is_elsewhere(organisation: Organisation, email: str) -> bool:
    """Whether an address is outside the domains that the organisation has named."""
    named = of(organisation)
    return bool(named) and mail_domains.domain_of(email) not in named


def change(written: str, *, by: Membership) -> list[str]:
    """The organisation has these domains from now on: one on each line. Whoever is a member stays one.

    Raises Invalid when a line is no domain, or one where anybody can have an address.
    """
    permissions.demand(by, Permission.MEMBER_MANAGE)
    organisation, named = by.organisation, _read(written)
    before = of(organisation)
    if named == before:
        return named
    organisation.domains = [
        *(each for each in organisation.domains if each.domain in named),
        *(OrganisationDomain(domain=each) for each in named if each not in before),
    ]
    db.session.flush()
    db.session.expire(organisation, ["domains"])
    record(organisation, "organisation.domains_changed", by=by, before=before, after=named)
    return named


def demand_known(organisation: Organisation, email: str, why: str) -> None:
    """Refuse an address elsewhere, unless it is said why the person has it. Raises Refused."""
    if is_elsewhere(organisation, email) and not why.strip():
        raise Refused(ELSEWHERE.with_values(email=email, domains=", ".join(of(organisation))))


def demand_may_move(person: Person, email: str) -> None:
    """Refuse that somebody takes an address elsewhere on their own, who had one of the organisation's. Raises Refused.

    Whoever was let in with an address elsewhere may have another one elsewhere.
    """
    for membership in person.memberships:
        firm = membership.organisation
        if is_elsewhere(firm, email) and not is_elsewhere(firm, person.email):
            raise Refused(NOT_FROM_THERE.with_values(organisation=firm.name, domains=", ".join(of(firm))))


def _read(written: str) -> list[str]:
    lines = [(number, line.strip()) for number, line in enumerate(written.splitlines(), 1) if line.strip()]
    found, problems = set(), []
    for number, line in lines:
        domain = _as_domain(line)
        if domain is None:
            problems.append(NO_DOMAIN.with_values(line=number, written=repeated(line)))
        elif mail_domains.is_open_to_anybody(domain):
            problems.append(ANYBODYS.with_values(line=number, domain=domain))
        else:
            found.add(domain)
    if not problems and len(found) > MOST:
        problems.append(TOO_MANY.with_values(most=MOST))
    if problems:
        raise Invalid(problems[0], tuple(Problem("domain", each, "domains") for each in problems))
    return sorted(found)


def _as_domain(line: str) -> str | None:
    """A domain as the addresses that end in it are kept; None when none can."""
    try:
        return mail_domains.domain_of(accounts.as_email(f"post@{line.removeprefix('@')}"))
    except Refused:
        return None
