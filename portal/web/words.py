"""Language: the reader's, the filters that put texts and numbers into it, and what every page's frame shows."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from flask import Flask, request, url_for
from flask_babel import Babel, LazyString, format_date
from flask_babel import gettext as _

from portal import calendars, permissions, quantities
from portal.config import Settings
from portal.model import OrganisationKind, Role
from portal.operations import tasks
from portal.operations.cases import replies
from portal.operations.people import appointments, groups
from portal.operations.reports import extensions
from portal.permissions import Permission
from portal.reach import Sight
from portal.text import Text
from portal.web import labels, sessions
from portal.web.access import acting_membership
from portal.web.demo import is_demo
from portal.web.labels import roles_of
from portal.web.languages import current_language

LANGUAGE_NAMES = {"nb": "Norsk bokmål", "en": "English"}


def init_app(app: Flask, settings: Settings) -> None:
    """Give the application its languages, filters and frame."""
    app.config["BABEL_DEFAULT_LOCALE"] = "nb"
    app.config["BABEL_DEFAULT_TIMEZONE"] = settings.time_zone
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = "translations"
    Babel(app, locale_selector=current_language)
    app.add_template_filter(words, "words")
    app.add_template_filter(shown, "shown")
    app.add_template_filter(day_name, "day_name")
    app.add_template_filter(short_day, "short_day")
    app.jinja_env.globals["labels"] = labels
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.context_processor(_frame)


def words(text: Text | str | LazyString | Mapping[str, str]) -> str:
    """A text in the reader's language; a stored text ({"nb", "en"}) too; a plain string stays as it is."""
    if isinstance(text, Text):
        return text.to(current_language())
    if isinstance(text, Mapping):
        return text.get(current_language()) or text["nb"]
    return text if hasattr(text, "__html__") else str(text)


def day_name(day: date) -> str:
    """A day in a sentence: «16. oktober 2026»."""
    return words(calendars.day_name(day))


def short_day(at: date | datetime) -> str:
    """A day where room is short, a moment's in the reader's zone: «16. okt. 2026»."""
    # TRANSLATORS: a CLDR pattern for a date, such as 14 Sep 2026
    return str(format_date(at, _("d MMM y")))


def shown(number: Decimal | int, decimals: int | None = None) -> str:
    """A number as the reader's language writes it."""
    return quantities.shown(Decimal(number), current_language(), decimals)


def _frame() -> dict[str, Any]:
    language = current_language()
    frame: dict[str, Any] = {
        "language": language,
        "languages": [
            {"code": code, "name": name, "url": url_for("languages.choose_language", code=code, next=_here())}
            for code, name in LANGUAGE_NAMES.items()
            if code != language
        ],
        "home_url": url_for("pages.home"),
        "accessibility_url": url_for("pages.accessibility"),
        "security_url": url_for("pages.security"),
        "help_url": url_for("definitions.show"),
        "sign_in_url": url_for("accounts.sign_in"),
        "is_demo": is_demo(),
        "demo_url": url_for("demo.personas"),
    }
    person, by = sessions.current().person, acting_membership()
    if person is None:
        return frame
    frame |= {
        "current_person": {"name": person.name, "url": url_for("accounts.account")},
        "sign_out_url": url_for("accounts.sign_out"),
    }
    if by is None:
        return frame
    return frame | {
        "acting_for": {
            "name": by.organisation.name,
            "number": by.organisation.number,
            "role": roles_of(by),
            "instead_of": by.stands_in_for.person.name if by.stands_in_for else "",
            "case": _case_url(by),
            "through": by.reads_through.organisation.name if by.reads_through else "",
        },
        "switch_url": url_for("accounts.acting_for") if _may_switch(by) else "",
        "nav": _places(by),
        "own_house": _own_house(by),
    }


def _case_url(by: Any) -> str:
    """Where the one case is that they are appointed for; "" for every ordinary member."""
    appointment = appointments.by_which(by) if by.acts_as.sight == Sight.CASE else None
    return url_for("cases.show", public_id=appointment.deviation.public_id) if appointment else ""


def _may_switch(by: Any) -> bool:
    """Whether there is another for whom they could act."""
    is_other = by.stands_in_for is not None or by.reads_through is not None
    return is_other or len(by.person.memberships) > 1 or bool(groups.read_by(by.person))


def _here() -> str:
    return request.full_path.rstrip("?") if request.method == "GET" else "/"


def _places(by: Any) -> list[dict[str, Any]]:
    waiting = tasks.counts(by)
    mine = sum(waiting.values()) + extensions.count_to_answer(by) + replies.count_to_weigh_again(by)
    places = [("pages.home", _("My tasks"), mine)]
    if by.organisation.kind == OrganisationKind.BUYER and by.has(Role.REVIEWER):
        places.append(("reviews.queue", _("Review queue"), waiting.get("review", 0)))
    places.append(("reports.index", _("Reports"), 0))
    if permissions.allowed(by, Permission.REPORT_CHASE):
        places.append(("chasing.index", _("Who has not filed"), 0))
    places += [
        ("cases.index", _("Deviations"), 0),
        *([("sanctions.index", _("Sanctions"), 0)] if by.organisation.kind == OrganisationKind.BUYER else []),
        ("machines.index", _("Machines"), 0),
    ]
    places.append(("contracts.index", _("Contracts"), 0))
    return [_place(endpoint, label, count) for endpoint, label, count in places]


def _own_house(by: Any) -> list[dict[str, Any]]:
    """Where an organisation looks after itself: beside the daily work, and for few."""
    places = [
        (Permission.MEMBER_MANAGE, "members.index", _("People")),
        (Permission.SIGHT_EDIT, "sights.index", _("Who sees what")),
        (Permission.MAIL_READ, "mail.index", _("Outgoing mail")),
        (Permission.TRAIL_READ, "trail.index", _("Audit trail")),
    ]
    return [_place(endpoint, label) for right, endpoint, label in places if permissions.allowed(by, right)]


def _place(endpoint: str, label: str, count: int = 0) -> dict[str, Any]:
    current = _is_here(endpoint, request.endpoint or "")
    return {"label": label, "url": url_for(endpoint), "count": count, "current": current}


_BELOW = {
    "requirements": "contracts",
    "rulings": "contracts",
    "sanction_clauses": "contracts",
    "extensions": "reports",
}
"""Rooms without a place of their own in the menu -> the place they lie below."""


def _is_here(endpoint: str, here: str) -> bool:
    room = here.split(".", maxsplit=1)[0]
    return endpoint == here or (
        endpoint != "pages.home" and endpoint.split(".", maxsplit=1)[0] == _BELOW.get(room, room)
    )
