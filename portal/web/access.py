"""Who may open which page. Every view says what it needs, and a test reads it."""

import unicodedata
import uuid
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from flask import Flask, Response, current_app, flash, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from werkzeug.exceptions import HTTPException

from portal import permissions, tenancy
from portal.model import GroupMember, Membership, Person, Substitution
from portal.operations import lookup
from portal.operations.people import groups, substitutes
from portal.permissions import Permission
from portal.web import provider_sessions, sessions

View = Callable[..., ResponseReturnValue]

LONGEST_TARGET = 2000
CONTROLS = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
"""Unicode categories of what is not seen in an address, or read differently by different programs."""


def requires(permission: Permission, entity: type[Any] | None = None) -> Callable[[View], View]:
    """Let a view be opened only by somebody whose acting membership has `permission`.

    With an `entity`, the row named by `<uuid:public_id>` in the address is found first and given to the view as its
    first argument; a row that the membership may not see is not there, whatever its role. Raises NotFound, Forbidden.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(**values: Any) -> ResponseReturnValue:
            by = acting_membership()
            if by is None:
                return _turn_away()
            found = () if entity is None else (lookup.one(entity, values.pop("public_id"), by),)
            permissions.demand(by, permission)
            return view(*found, **values)

        return marked(guarded, permission=permission, entity=entity)

    return decorate


def signed_in(why: str) -> Callable[[View], View]:
    """Let a view be opened by anybody who is signed in, whomever they act for. `why` no permission guards it."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(**values: Any) -> ResponseReturnValue:
            return view(**values) if sessions.current().person else _turn_away()

        return marked(guarded, signed_in=why)

    return decorate


def public(why: str) -> Callable[[View], View]:
    """Let a view be opened by everybody. `why` it may be."""

    def decorate(view: View) -> View:
        return marked(view, public=why)

    return decorate


class Guarded(NamedTuple):
    """One route, and what guards it: a permission, or the reason why none does; and which row its address names."""

    endpoint: str
    rule: str
    methods: frozenset[str]
    permission: Permission | None
    reason: str
    entity: type[Any] | None


def guarded_routes(app: Flask) -> Iterator[Guarded]:
    """Every route of the application, the static files apart."""
    for rule in app.url_map.iter_rules():
        if rule.endpoint == "static":
            continue
        view = app.view_functions[rule.endpoint]
        methods = frozenset(rule.methods or ()) - {"HEAD", "OPTIONS"}
        reason = getattr(view, "signed_in", "") or getattr(view, "public", "")
        permission, entity = (getattr(view, mark, None) for mark in ("permission", "entity"))
        yield Guarded(rule.endpoint, rule.rule, methods, permission, reason, entity)


def unmarked(app: Flask) -> list[str]:
    """Endpoints that do not say who may open them. There must be none."""
    return sorted({route.endpoint for route in guarded_routes(app) if route.permission is None and not route.reason})


def acting_membership() -> Membership | None:
    """The membership the person acts in: the chosen one if it is theirs still, or their only one.

    It stands in for another's, or reads for a buyer of the group, where the person has chosen to, for as long as they
    may.
    From the first time it is asked, the database shows this request what that organisation may see, and no more.
    """
    by = _chosen_membership()
    tenancy.act_for(by.organisation_id if by else None)
    return by


def _chosen_membership() -> Membership | None:
    person = sessions.current().person
    if person is None:
        return None
    own = [each for each in person.memberships if provider_sessions.lets_act(each)]
    chosen = session.get("acting_for")
    found = next((one for one in own if str(one.public_id) == chosen), own[0] if len(own) == 1 else None)
    if found is not None and (through := session.get("reading_for")):
        return groups.reading(found, uuid.UUID(through)) or found
    as_whom = session.get("standing_in")
    if found is None or as_whom is None or found.stands_in_for is not None:
        return found
    running = substitutes.running(person, uuid.UUID(as_whom))
    return substitutes.stand_in(running) if running is not None and running.substitute is found else found


def own_membership() -> Membership | None:
    """The same, for what one does with one's own account: whoever reads through a group does it at home."""
    by = acting_membership()
    return by.reads_through or by if by is not None else None


def current_membership() -> Membership:
    """The acting membership, in a view that `requires` guards."""
    by = acting_membership()
    if by is None:
        raise RuntimeError("Nobody acts here: the view is not guarded by `requires`.")
    return by


def current_person() -> Person:
    """Who is signed in, in a view that `requires` or `signed_in` guards."""
    person = sessions.current().person
    if person is None:
        raise RuntimeError("Nobody is signed in: the view is not guarded.")
    return person


def act_for(
    membership: Membership, substitution: Substitution | None = None, reading: GroupMember | None = None
) -> None:
    """From now on, act in this membership: as one's own, as a substitute, or to read for a buyer of the group."""
    session["acting_for"] = str(membership.public_id)
    session.pop("standing_in", None)
    session.pop("reading_for", None)
    if reading is not None:
        session["reading_for"] = str(reading.public_id)
    if substitution is not None:
        session["standing_in"] = str(substitution.public_id)


# -- where to go ------------------------------------------------------------------------------------------------------


def safe_target(target: str | None) -> str | None:
    r"""`target` if it is the address of one of our own pages, as path and query; else none.

    What looks like a path may lead elsewhere once a browser has read it: `/\t/evil.example`, `https:evil.example`.
    """
    if not target or len(target) > LONGEST_TARGET or _is_odd(target) or _is_odd(unquote(target)):
        return None
    parts = _split(target)
    if parts.scheme or parts.netloc or not parts.path.startswith("/"):
        return None
    try:
        current_app.url_map.bind("localhost").match(unquote(parts.path), method="GET")
    except HTTPException:
        return None
    return _local(parts)


def home() -> str:
    """The front page."""
    return f"{request.script_root}/"


def here() -> str:
    """The address of this request."""
    return request.full_path.removesuffix("?")


def sign_in_url() -> str:
    """The sign-in page, that leads back to the page the person is looking at."""
    return url_for("accounts.sign_in", next=page_in_view())


def is_htmx() -> bool:
    """Whether the answer goes into a part of the page."""
    return request.headers.get("HX-Request") == "true"


def is_from_here() -> bool:
    """Whether one of our own pages made this request."""
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    source = request.headers.get("Origin") or request.referrer or ""
    return site == "same-origin" and _split(source).netloc == request.host


def sent_elsewhere(url: str) -> Response:
    """Make htmx load another page. It would follow a redirect and put that page where the part should be."""
    return Response(status=401, headers={"HX-Redirect": url})


def _turn_away() -> ResponseReturnValue:
    browser = sessions.current()
    if browser.person:
        url = url_for("accounts.acting_for", next=page_in_view())
    else:
        url = sign_in_url()
        if browser.is_over:
            flash(_("You have been signed out. Sign in again to go on."), "info")
    return sent_elsewhere(url) if is_htmx() else redirect(url, 303)


def page_in_view() -> str | None:
    """The page that the person is looking at, if it is one of ours."""
    if is_htmx():
        return safe_target(_path_of(request.headers.get("HX-Current-URL")))
    return safe_target(here() if request.method == "GET" else _path_of(request.referrer))


def _path_of(url: str | None) -> str | None:
    parts = _split(url or "")
    return _local(parts) if parts.netloc == request.host else None


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:  # an address such as http://[
        return SplitResult("", "", "", "", "")


def _local(parts: SplitResult) -> str:
    return urlunsplit(("", "", parts.path, parts.query, ""))


def _is_odd(target: str) -> bool:
    return target.startswith("//") or "\\" in target or any(unicodedata.category(each) in CONTROLS for each in target)


def marked(view: View, **marks: object) -> View:
    """The same view, with what guards it written on it, for `guarded_routes`."""
    vars(view).update(marks)
    return view
