"""Days as people write them. A browser's own field for a date shows it in the browser's form, not in the reader's."""

from datetime import date, datetime
from typing import Any

from flask_babel import gettext as _
from wtforms import DateField
from wtforms.widgets import TextInput

FORMATS = ("%d.%m.%Y", "%d.%m.%y", "%Y-%m-%d")
"""The first is how a day is shown."""


def read(written: str) -> date | None:
    """The day that was written, in any of FORMATS; None for what is none."""
    for pattern in FORMATS:
        try:
            return datetime.strptime(written.strip(), pattern).date()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
    return None


class DayField(DateField):
    """A day, written as text. What cannot be read stays in the field."""

    widget = TextInput()

    def __init__(self, label: Any = None, validators: Any = None, **more: Any) -> None:
        super().__init__(label, validators, format=list(FORMATS), **more)

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Read what was written."""
        written = " ".join(valuelist).strip()
        self.data = read(written)
        if written and self.data is None:
            raise ValueError(_("Write the day as dd.mm.yyyy, for example 31.03.2026."))
