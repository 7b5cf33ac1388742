"""What the lists of cases and of sanctions are narrowed by: read from the address, said in words, kept in links."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from flask import url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as N_  # noqa: N812 - the name that pybabel looks for

from portal import quantities
from portal.text import Text

AGES = {"30": N_("More than 30 days"), "90": N_("More than 90 days"), "365": N_("More than a year")}


@dataclass(frozen=True)
class Narrowed:
    """The filter of one list as its address says it. `given`: by the name of the field, empty ones too."""

    endpoint: str
    given: Mapping[str, str]

    def chips(self, words: Mapping[str, str]) -> list[dict[str, Any]]:
        """The filters in force, each with the address that lifts it. `words`: what each says, if in force."""
        return [{"label": label, "url": self.address(**{name: ""})} for name, label in words.items() if label]

    def address(self, **more: str) -> str:
        """The same list, narrowed otherwise, from its first page."""
        arguments: dict[str, Any] = {name: value for name, value in {**self.given, **more}.items() if value}
        return url_for(self.endpoint, **arguments)

    @property
    def wrong(self) -> dict[str, Text]:
        """What is wrong with an amount, by the name of its field."""
        read = {name: quantities.read(self.given[name]) for name in ("least", "most") if self.given[name]}
        return {name: found.text for name, found in read.items() if isinstance(found, quantities.Unreadable)}

    def amount(self, name: str) -> Decimal | None:
        """What somebody wrote as an amount; None for nothing, and for what is no number or too large a one."""
        found = quantities.read(self.given[name]) if self.given[name] else None
        return found if isinstance(found, Decimal) else None

    def amounts_in_words(self) -> dict[str, str]:
        """The bounds on the amount, as chips say them."""
        return {
            "least": _("at least %(amount)s", amount=self.given["least"]) if self.amount("least") is not None else "",
            "most": _("at most %(amount)s", amount=self.given["most"]) if self.amount("most") is not None else "",
        }

    def older_than_days(self) -> int | None:
        """How old it must be."""
        return int(self.given["age"]) if self.given["age"] in AGES else None
