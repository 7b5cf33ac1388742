"""Signing in as people do: the password, then a code where one is asked for. Phone and paper are at hand."""

import base64
import hashlib
import html
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Protocol, TypeVar

from argon2 import PasswordHasher

from portal import clock
from portal.extensions import db
from portal.model import Authenticator, Person, RecoveryCode
from portal.operations.people import second_factors, totp

SECRET = b"a secret for tests!!"
_KEY = re.compile(r'<code class="key">([A-Z2-7 ]+)</code>')
_CODES = re.compile(r'<code class="key">([A-Z2-9-]+)</code>')
_SEALED = re.compile(r'name="sealed" value="([^"]+)"')


@cache
def stored_once(password: str) -> str:
    """A password as people of the tests keep it: real argon2id, at the least cost, since costing much is its purpose.

    What the portal's own hashes cost is held in tests/integration/test_sign_in.py.
    """
    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(password)


class Reply(Protocol):
    """What a page answers."""

    @property
    def location(self) -> str | None:
        """Where it leads."""

    @property
    def text(self) -> str:
        """What it says."""


AnyReply = TypeVar("AnyReply", bound=Reply)


@dataclass
class Phone:
    """The app that makes somebody's codes, and the codes on paper for when it can make no fresh one."""

    secret: bytes
    paper: list[str]
    last_step: int = 0

    def code(self) -> str:
        """A code that has not been used: of this step or the next, else from the paper.

        Not of the step before, which is too old by the time that it arrives where the step ends meanwhile.
        """
        now = totp.step_at(clock.now())
        fresh = [step for step in (now, now + 1) if step > self.last_step]
        if not fresh:
            return self.paper.pop()
        self.last_step = fresh[0]
        return totp.code_of(self.secret, self.last_step)


@dataclass
class _Phones:
    """Whose phone is whose, until the database is another."""

    by_email: dict[str, Phone] = field(default_factory=dict)

    def of(self, email: str) -> Phone:
        kept = email.strip().lower()
        return self.by_email.setdefault(kept, Phone(SECRET, paper_of(kept)))


phones = _Phones()


def forget() -> None:
    """The database is another: none of its codes has been used."""
    phones.by_email.clear()


def paper_of(email: str) -> list[str]:
    """The recovery codes of somebody who was equipped."""
    return [
        base64.b32encode(hashlib.sha256(f"{email} {number}".encode()).digest()).decode()[:24] for number in range(20)
    ]


def equip(*people: Person) -> None:
    """Give those who must have one an app that has been set up. Inside a writing transaction."""
    db.session.flush()
    for person in people:
        if not person.needs_second_factor or person.authenticator is not None:
            continue
        phones.by_email.pop(person.email, None)
        person.authenticator = Authenticator(sealed_secret=second_factors.sealed(SECRET, person), last_step=0)
        codes = paper_of(person.email)
        db.session.add_all(RecoveryCode(hash=second_factors.hash_of(code), person_id=person.id) for code in codes)
    db.session.flush()
    for person in people:  # a test may hand them on to another session, where what hangs on them is there already
        db.session.expire(person, ["memberships", "authenticator"])


def enter(
    look: Callable[[str], AnyReply], send: Callable[[str, dict[str, str]], AnyReply], form: dict[str, str]
) -> AnyReply:
    """Sign in by the form of the first page; the last answer on the way.

    Args:
        look: opens a page.
        send: sends a form to a page, whose token it adds.
        form: e-mail, password and what else is sent.
    """
    answer = send("/sign-in", form)
    if answer.location == "/sign-in/code":
        return send("/sign-in/code", {"code": phones.of(form["email"]).code()})
    if answer.location == "/sign-in/set-up":
        return set_up(look, send, form["email"])
    return answer


def set_up(
    look: Callable[[str], AnyReply],
    send: Callable[[str, dict[str, str]], AnyReply],
    email: str,
    path: str = "/sign-in/set-up",
) -> AnyReply:
    """Read the key off the page into an app, show its first code, and keep the codes on paper."""
    page = look(path).text
    key, sealed = _KEY.search(page), _SEALED.search(page)
    assert key, page
    assert sealed, page
    phone = phones.by_email[email.strip().lower()] = Phone(base64.b32decode(key[1].replace(" ", "")), [])
    answer = send(path, {"sealed": html.unescape(sealed[1]), "code": phone.code()})
    phone.paper += _CODES.findall(answer.text)
    return answer
