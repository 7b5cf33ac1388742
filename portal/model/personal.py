"""The register of personal data: every column that says something about a human being, why it is kept and how long.

What names somebody, and what opens a door, never goes into the chain of the trail. A test fails for a column that looks
as if it were about a person and is not here. `docs/personal-data.md` is this register in words.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple


class Purpose(StrEnum):
    """What it is kept for."""

    ACCOUNT = "to know who signs in, and to write to them"
    RECORD = "to show who did what under a contract, so that a decision can be reviewed"
    PROOF = "to prove that a notice or decision reached the other party"
    POST = "to send letters, and to show that they were sent"
    SECURITY = "to find and stop attempts on an account"
    ACCESS = "to show who has read what is sensitive"


class Basis(StrEnum):
    """Why it may be kept (GDPR article 6)."""

    CONTRACT = "6(1)(f): both parties' interest in carrying out and documenting their contract"
    TASK = "6(1)(e): the public buyer's task of following up its contracts"
    DUTY = "6(1)(c): security of processing, article 32"


class Kept(StrEnum):
    """For how long. `portal retention` removes what has a time; `portal erase` what goes with the person."""

    ACCOUNT = "until the person is erased"
    SERVED = "as long as the contract's record, as it was served: also after the person is erased"
    RECORD = "as long as the contract's record: the number stays, the name goes when the person is erased"
    YEAR = "365 days"
    QUARTER = "90 days"
    MONTH = "30 days after it has run out"


class Datum(NamedTuple):
    """One column's entry in the register."""

    purpose: Purpose
    basis: Basis
    kept: Kept
    is_plain: bool = False
    """Whether it names somebody or holds an address, and is not only a number that leads to `person`."""


_NUMBER = Datum(Purpose.RECORD, Basis.TASK, Kept.RECORD)
_NAME = Datum(Purpose.ACCOUNT, Basis.CONTRACT, Kept.ACCOUNT, is_plain=True)
_SAID = Datum(Purpose.RECORD, Basis.TASK, Kept.RECORD, is_plain=True)
_OWN = Datum(Purpose.ACCOUNT, Basis.CONTRACT, Kept.ACCOUNT)
_PROOF = Datum(Purpose.PROOF, Basis.TASK, Kept.RECORD, is_plain=True)
_SERVED = Datum(Purpose.PROOF, Basis.TASK, Kept.SERVED, is_plain=True)
_POST = Datum(Purpose.POST, Basis.TASK, Kept.RECORD, is_plain=True)
_TRIED = Datum(Purpose.SECURITY, Basis.DUTY, Kept.YEAR)
_TRIED_FROM = Datum(Purpose.SECURITY, Basis.DUTY, Kept.YEAR, is_plain=True)
_SESSION = Datum(Purpose.SECURITY, Basis.DUTY, Kept.MONTH)
_READ = Datum(Purpose.ACCESS, Basis.DUTY, Kept.YEAR)

REGISTER: Mapping[str, Datum] = {
    "appointment.membership_id": _NUMBER,
    "appointment.reason": _SAID,
    "audit_event.person_id": _NUMBER,
    "audit_event.stood_in_for_id": _NUMBER,
    "authenticator.person_id": _OWN,
    "claim.person_id": _NUMBER,
    "comment.replied_by_id": _NUMBER,
    "comment.set_aside_by_id": _NUMBER,
    "comment.written_by_id": _NUMBER,
    "contract_import.uploaded_by_id": _NUMBER,
    "deviation.put_right": _PROOF,
    "evidence.uploaded_by_id": _NUMBER,
    "explanation.written_by_id": _NUMBER,
    "ruling.ruled_by_id": _NUMBER,
    "ruling.objected_by_id": _NUMBER,
    "extension_request.answered_by_id": _NUMBER,
    "extension_request.asked_by_id": _NUMBER,
    "human_task.closed_by_id": _NUMBER,
    "identity.person_id": _OWN,
    "identity.subject": _NAME,
    "imported_file.uploaded_by_id": _NUMBER,
    "interest.person_id": _NUMBER,
    "interest.words": _SAID,
    "invitation.email": _NAME,
    "invitation.invited_by_id": _NUMBER,
    "membership.person_id": _NUMBER,
    "membership.kept_codes": _OWN,
    "membership.role_codes": _OWN,
    "named_contract.membership_id": _OWN,
    "notice.delivered_how": _SERVED,
    "notice.opened_by_id": _NUMBER,
    "notice.seen": _PROOF,
    "notice.sent_by_id": _NUMBER,
    "notice.sent_to": _SERVED,
    "notice.served_how": _SERVED,
    "notice.served_to": _SERVED,
    "outgoing_mail.body": _POST,
    "outgoing_mail.subject": _POST,
    "outgoing_mail.to_address": _POST,
    "passkey.last_used_at": _OWN,
    "passkey.name": _NAME,
    "passkey.person_id": _OWN,
    "person.active": _OWN,
    "person.email": _NAME,
    "person.former_emails": _NAME,
    "person.language": _OWN,
    "person.name": _NAME,
    "person.new_email": _NAME,
    "person.set_up_by_code": _OWN,
    "person.single_keys": _OWN,
    "provider_session.identity_id": _SESSION,
    "provider_session.sid": _SESSION,
    "recovery_code.person_id": _OWN,
    "read_log.person_id": _READ,
    "report.preparers": _NUMBER,
    "report.review_begun_by_id": _NUMBER,
    "representative.email": _PROOF,
    "representative.name": _PROOF,
    "representative.person_id": _NUMBER,
    "reply.written_by_id": _NUMBER,
    "review.decided_by_id": _NUMBER,
    "revision.on_paper": _SERVED,
    "revision.preparers": _NUMBER,
    "revision.signed_by_id": _NUMBER,
    "sanction.decided_by_id": _NUMBER,
    "sanction.delivered_how": _SERVED,
    "sanction.on_paper": _SERVED,
    "sanction.proposed_by_id": _NUMBER,
    "sanction.proposers": _NUMBER,
    "sign_in_attempt.address": _TRIED_FROM,
    "sign_in_attempt.domain": _TRIED_FROM,
    "sign_in_attempt.email": _TRIED_FROM,
    "sign_in_attempt.person_id": _TRIED,
    "web_session.browser": _SESSION,
    "web_session.person_id": _SESSION,
    "substitution.absent_id": _NUMBER,
    "substitution.substitute_id": _NUMBER,
    "weighing.weighed_by_id": _NUMBER,
    "withdrawal.withdrawn_by_id": _NUMBER,
}
"""`table.column` -> why and how long."""

_OPENS_A_DOOR = ("credential", "factor", "password", "public_key", "recovery", "secret", "token", "totp", "uniquifier")


def names_somebody(table: str, column: str) -> bool:
    """Whether a column holds somebody's name or address."""
    datum = REGISTER.get(f"{table}.{column}")
    return datum is not None and datum.is_plain


def opens_a_door(column: str) -> bool:
    """Whether a column holds what somebody signs in by, judged by its name: nothing of it is ever written down."""
    return any(part in column for part in _OPENS_A_DOOR)
