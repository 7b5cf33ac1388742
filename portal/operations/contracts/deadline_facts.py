"""The facts of a contract that its deadlines follow from: how often reports are due, and how notices count."""

import re
from collections.abc import Iterator
from decimal import Decimal

from portal.calendars import Counting, Frequency, Moves
from portal.kinds.base import Choice, Field, FieldType, Parsed, Problem
from portal.model import Contract, NoticeStart
from portal.operations.contracts.contract_facts import YES_ONLY, Fact, Part, Values, code, counted_days, plain, ticked
from portal.text import Text

_ZONES = {
    "NO": "Europe/Oslo",
    "SE": "Europe/Stockholm",
    "DK": "Europe/Copenhagen",
    "FI": "Europe/Helsinki",
}


def _time_of_day(text: str) -> Text | None:
    if re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", text):
        return None
    return Text("skriv klokkeslettet slik: 12:00.", "write the time like this: 12:00.")


def _place(contract: Contract, value: Parsed) -> None:
    contract.country = str(value)
    contract.time_zone = _ZONES[str(value)]


DEADLINES = Part(
    "deadlines",
    Text("Rapportering og frister", "Reporting and deadlines"),
    (
        code(
            Field(
                "frequency",
                Text("Hvor ofte det rapporteres", "How often reports are due"),
                FieldType.CHOICE,
                choices=(
                    Choice(Frequency.MONTH, Text("hver måned", "each month")),
                    Choice(Frequency.TWO_MONTHS, Text("annenhver måned", "every two months")),
                    Choice(Frequency.QUARTER, Text("hvert kvartal", "each quarter")),
                    Choice(Frequency.HALF_YEAR, Text("hvert halvår", "each half-year")),
                    Choice(Frequency.YEAR, Text("hvert år", "each year")),
                ),
            ),
            Frequency,
        ),
        plain(
            Field(
                "reporting_clause",
                Text("Punkt i kontrakten", "Clause of the contract"),
                FieldType.TEXT,
                longest=60,
                hint=Text("Punktet som sier at det skal rapporteres.", "The clause that says that reports are due."),
            )
        ),
        counted_days(
            Field(
                "due_days",
                Text("Dager etter periodens slutt", "Days after the end of the period"),
                FieldType.NUMBER,
                minimum=Decimal(0),
                maximum=Decimal(365),
                hint=Text("Så mange dager er fristen.", "That many days are the time to report."),
            ),
            10,
        ),
        code(
            Field(
                "due_counting",
                Text("Hvilke dager teller", "Which days count"),
                FieldType.CHOICE,
                choices=(
                    Choice(Counting.WORKING, Text("virkedager", "working days")),
                    Choice(Counting.CALENDAR, Text("alle dager", "all days")),
                ),
            ),
            Counting,
        ),
        code(
            Field(
                "due_moves",
                Text("Fristen faller på en helg eller helligdag", "The deadline falls on a weekend or a holiday"),
                FieldType.CHOICE,
                choices=(
                    Choice(Moves.FORWARD, Text("flyttes til neste virkedag", "moves to the next working day")),
                    Choice(Moves.BACK, Text("flyttes til virkedagen før", "moves to the working day before")),
                    Choice(Moves.STAY, Text("blir stående", "stays")),
                ),
            ),
            Moves,
        ),
        plain(
            Field(
                "due_time",
                Text("Klokkeslett på siste dag", "Time on the last day"),
                FieldType.TEXT,
                required=False,
                longest=5,
                hint=Text("Som 12:00. Tomt: ut dagen.", "Like 12:00. Empty: the whole day."),
            ),
            _time_of_day,
        ),
        Fact(
            Field(
                "country",
                Text("Helligdager i", "Public holidays of"),
                FieldType.CHOICE,
                choices=(
                    Choice("NO", Text("Norge", "Norway")),
                    Choice("SE", Text("Sverige", "Sweden")),
                    Choice("DK", Text("Danmark", "Denmark")),
                    Choice("FI", Text("Finland", "Finland")),
                ),
            ),
            lambda contract: contract.country,
            _place,
        ),
    ),
    Text("Fristen for hver rapport følger av disse reglene.", "The deadline of each report follows from these rules."),
)


def _unattended(contract: Contract, value: bool) -> None:  # noqa: FBT001 - the value that is put
    contract.unattended_review = value


NOTICES = Part(
    "notices",
    Text("Varsel og kontroll", "Notices and review"),
    (
        counted_days(
            Field(
                "reply_working_days",
                Text("Frist for tilsvar, i virkedager", "Time to reply to a notice, in working days"),
                FieldType.NUMBER,
                minimum=Decimal(1),
                maximum=Decimal(120),
                hint=Text(
                    "Virkedager fra varselet regnes som gitt.", "Working days from when the notice counts as given."
                ),
            ),
            10,
        ),
        code(
            Field(
                "notice_starts",
                Text("Et varsel regnes som gitt", "A notice counts as given"),
                FieldType.CHOICE,
                choices=(
                    Choice(NoticeStart.DELIVERED, Text("når det er levert", "when it is delivered")),
                    Choice(NoticeStart.OPENED, Text("når det er åpnet", "when it is opened")),
                    Choice(
                        NoticeStart.DEEMED,
                        Text("et antall virkedager etter at det er sendt", "some working days after it was sent"),
                    ),
                ),
            ),
            NoticeStart,
        ),
        counted_days(
            Field(
                "deemed_working_days",
                Text("Virkedager etter sending", "Working days after it was sent"),
                FieldType.NUMBER,
                required=False,
                minimum=Decimal(0),
                maximum=Decimal(60),
                hint=Text("Bare når det er slik varselet regnes.", "Only when that is how the notice counts."),
            ),
            0,
        ),
        counted_days(
            Field(
                "notice_working_days",
                Text(
                    "Oppdragsgivers frist for å varsle, i virkedager",
                    "The buyer's time to give notice, in working days",
                ),
                FieldType.NUMBER,
                required=False,
                minimum=Decimal(1),
                maximum=Decimal(120),
                hint=Text(
                    "Virkedager fra dere ble kjent med bruddet. Tomt når kontrakten ikke setter noen.",
                    "Working days from when you learnt of the breach. Empty when the contract sets none.",
                ),
            ),
            None,
        ),
        ticked(
            Field(
                "unattended_review",
                Text(
                    "En rapport uten brudd og advarsler kan godkjennes uten at noen ser på den",
                    "A report without breach or warning may be approved without a person",
                ),
                FieldType.CHOICE,
                choices=YES_ONLY,
                required=False,
            ),
            lambda contract: contract.unattended_review,
            _unattended,
        ),
    ),
    Text("Fristene når noe ikke er som avtalt.", "The deadlines when something is not as agreed."),
)

SAY_HOW_MANY = Text("skriv hvor mange virkedager.", "write how many working days.")


def faults(values: Values) -> Iterator[Problem]:
    """What does not go together; what is not entered is not looked at."""
    if values.get("notice_starts") == NoticeStart.DEEMED and not values.get("deemed_working_days"):
        yield NOTICES.fact("deemed_working_days").problem("deemed", SAY_HOW_MANY)
