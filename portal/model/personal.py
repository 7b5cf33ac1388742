"""Which columns say something about a human being, and which open a door: neither goes into the chain of the trail."""

NAMES_SOMEBODY = frozenset(
    {
        "identity.subject",
        "notice.delivered_how",
        "notice.sent_to",
        "notice.seen",
        "notice.served_to",
        "notice.served_how",
        "outgoing_mail.body",
        "outgoing_mail.subject",
        "outgoing_mail.to_address",
        "person.email",
        "person.name",
        "representative.email",
        "representative.name",
        "sanction.delivered_how",
        "sign_in_attempt.address",
        "sign_in_attempt.email",
    }
)
"""`table.column` of what holds a name or an address. The trail says that it changed, and not what it says."""

_OPENS_A_DOOR = ("credential", "factor", "password", "public_key", "recovery", "secret", "token", "totp", "uniquifier")


def names_somebody(table: str, column: str) -> bool:
    """Whether a column holds somebody's name or address."""
    return f"{table}.{column}" in NAMES_SOMEBODY


def opens_a_door(column: str) -> bool:
    """Whether a column holds what somebody signs in by, judged by its name: nothing of it is ever written down."""
    return any(part in column for part in _OPENS_A_DOOR)
