"""Secrets that are sent by mail, and the letters that carry them: each works once, and its words are forgotten."""

from datetime import timedelta

from flask import Flask

from portal import clock
from portal.extensions import transaction
from portal.model import MailState, OneTimePurpose, OutgoingMail
from portal.operations import mail
from portal.operations.mail import Outcome
from portal.operations.people import one_time

HOUR = timedelta(hours=1)


def issued(*stamp: str, subject: str = "kari") -> str:
    with transaction():
        return one_time.issue(OneTimePurpose.RESET, subject, *stamp, lasts=HOUR)


def used(secret: str, *stamp: str, purpose: OneTimePurpose = OneTimePurpose.RESET) -> bool:
    with transaction():
        return one_time.use(purpose, secret, *stamp)


def test_it_works_once_for_its_purpose_and_what_it_was_made_for(app: Flask) -> None:
    secret = issued("kari@prove.example", "old")
    assert not used(secret, "kari@prove.example", "new")
    assert not used(secret, "kari@prove.example", "old", purpose=OneTimePurpose.INVITATION)
    assert one_time.subject_of(OneTimePurpose.RESET, secret) == "kari"
    assert used(secret, "kari@prove.example", "old")
    assert not used(secret, "kari@prove.example", "old")
    assert one_time.subject_of(OneTimePurpose.RESET, secret) is None


def test_the_newest_alone_works_and_not_for_ever(app: Flask) -> None:
    first, others, second = issued(), issued(subject="ola"), issued()
    assert not used(first)
    assert used(others)
    with clock.at(clock.now() + HOUR):
        assert not used(second)


def test_a_secret_letter_forgets_its_words_once_it_has_gone(app: Flask) -> None:
    for is_secret, kept in ((True, ""), (False, "words")):
        letter = OutgoingMail(is_secret=is_secret, body="words", attempts=0, created_at=clock.now())
        mail.note(letter, Outcome(MailState.QUEUED, "down"))
        assert letter.body == "words", "it has not gone yet"
        mail.note(letter, Outcome(MailState.SENT))
        assert letter.body == kept
