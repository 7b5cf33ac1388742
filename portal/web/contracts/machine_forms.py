"""The questions about a machine and where it works, described as a kind's columns are, and the forms of them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import cast

from flask_babel import gettext as _
from flask_wtf import FlaskForm
from wtforms import SelectField, StringField
from wtforms.fields import SelectChoice  # type: ignore[attr-defined]
from wtforms.validators import Optional

from portal import kinds, quantities
from portal.kinds import Kind, register
from portal.kinds.base import Field, FieldType, Parsed, Problem
from portal.operations.running import machines
from portal.operations.running.machines import MachineFacts
from portal.text import Text, same
from portal.web.languages import current_language


def _told_in(source: str) -> Kind:
    """The kind whose lines are about what this part of the register lists."""
    return next(kind for kind in kinds.kinds().values() if any(column.source == source for column in kind.columns))


_MACHINES, _VEHICLES = _told_in("machines"), _told_in("vehicles")

REGISTER = (
    Field(
        "name",
        Text("Navn eller nummer", "Name or number"),
        FieldType.TEXT,
        longest=60,
        hint=Text("Det dere kaller maskinen, for eksempel CAT 320-07.", "What you call it, for example CAT 320-07."),
    ),
    Field("type", Text("Type", "Type"), FieldType.CHOICE, choices=register.TYPES),
    Field(
        "other_type",
        Text("Hvis annet: hvilken type?", "If other: which type?"),
        FieldType.TEXT,
        required=False,
        longest=60,
    ),
    Field("model", Text("Merke og modell", "Make and model"), FieldType.TEXT, required=False, longest=120),
    Field(
        "serial",
        Text("Serienummer eller PIN", "Serial number or PIN"),
        FieldType.TEXT,
        required=False,
        longest=60,
        hint=Text("Registreringsnummer for et kjøretøy.", "The registration number of a vehicle."),
    ),
    Field("size", Text("Vekt", "Weight"), FieldType.CHOICE, choices=register.SIZES, required=False),
    Field(
        "engine_year",
        Text("Motorens årsmodell", "Engine year"),
        FieldType.TEXT,
        required=False,
        longest=4,
        hint=Text("Kan være et annet år enn maskinens.", "May be another year than the machine's."),
    ),
    replace(_MACHINES.column("carrier"), hint=Text("Det maskinen bruker mest.", "What the machine uses most.")),
    replace(
        _MACHINES.column("stage"),
        required=False,
        hint=Text("For maskiner. Står på motorskiltet.", "For machines. It stands on the engine plate."),
    ),
    replace(
        _VEHICLES.column("euro_class"),
        required=False,
        hint=Text("For kjøretøy. Står i vognkortet.", "For vehicles. It stands in the registration certificate."),
    ),
    Field(
        "hired_from",
        Text("Leid av", "Hired from"),
        FieldType.TEXT,
        required=False,
        longest=120,
        hint=Text("La stå tomt når dere eier den selv.", "Leave it empty when you own it."),
    ),
)
"""The questions about a machine. Carriers, stages and Euro classes are those of the lines in a report."""
DEPLOYMENT = (
    Field("contract", Text("Kontrakt", "Contract"), FieldType.CHOICE, source="contracts"),
    Field(
        "arrived_on",
        Text("Kommer til byggeplassen", "Arrives on site"),
        FieldType.DATE,
        hint=Text("dd.mm.åååå, for eksempel 14.03.2026.", "dd.mm.yyyy, for example 14.03.2026."),
    ),
    Field(
        "departed_on",
        Text("Drar fra byggeplassen", "Leaves the site"),
        FieldType.DATE,
        required=False,
        hint=Text("La stå tomt hvis du ikke vet det ennå.", "Leave it empty if you do not know yet."),
    ),
)


DEPARTURE = Field("left_on", Text("Drar den", "Leaves on"), FieldType.DATE, hint=Text("dd.mm.åååå.", "dd.mm.yyyy."))


class DescribedForm(FlaskForm):
    """A form of described fields; what they mean is read by the fields themselves."""

    @classmethod
    def of(cls, fields: tuple[Field, ...]) -> "type[DescribedForm]":
        """The form class for these fields."""
        return type("FormOfFields", (cls,), {field.key: _control(field) for field in fields})

    def read(self, fields: tuple[Field, ...]) -> Mapping[str, Parsed] | None:
        """What was entered; None when something is wrong, which then stands at its field."""
        found = {field.key: field.parse(self[field.key].data) for field in fields}
        for key, value in found.items():
            if isinstance(value, Problem):
                self.blame(key, value.text)
        return None if self.errors else cast("Mapping[str, Parsed]", found)

    def blame(self, key: str, text: Text) -> None:
        """Put words at a field."""
        self[key].errors = [text]


def facts(found: Mapping[str, Parsed]) -> MachineFacts:
    """What was entered, as the register keeps it: one emission class, of whichever sort the type has."""
    said = {
        key: str(found[key] or "")
        for key in ("name", "type", "other_type", "carrier", "model", "serial", "size", "hired_from")
    }
    sort = "euro_class" if register.is_vehicle(said["type"]) else "stage"
    return MachineFacts(**said, stage=str(found[sort] or ""), engine_year=_year(found["engine_year"]))


def place_of(refusal: Text, found: Mapping[str, Parsed]) -> str:
    """The field that a refusal of the register is about."""
    sort = "euro_class" if register.is_vehicle(str(found["type"])) else "stage"
    places = {
        machines.SAY_WHICH: "other_type",
        machines.WRONG_CLASS: sort,
        machines.NOT_YET_MADE: "engine_year",
        machines.DEPARTS_FIRST: "departed_on",
        machines.NAMELESS: "name",
    }
    if refusal in places:
        return places[refusal]
    # The rest names what it is about: a name that is taken, or a day that the contract does not have.
    return "name" if refusal == machines.TAKEN.with_values(name=same(str(found["name"]))) else "arrived_on"


def carrier_in_words(key: str) -> Text:
    """An energy carrier by name."""
    choice = _MACHINES.column("carrier").choice(key)
    return choice.label if choice else same(key)


def _year(entered: Parsed) -> int | None:
    """0 for what is no year: the register refuses it with words."""
    text = str(entered or "")
    return None if not text else quantities.whole_number(text) or 0


def _control(field: Field) -> StringField | SelectField:
    language = current_language()
    label, optional = field.label.to(language), [] if field.required else [Optional()]
    if field.type is not FieldType.CHOICE:
        return StringField(label, validators=optional)
    nothing = [] if len(field.choices) == 1 else [SelectChoice("", _("Choose"))]
    choices = [*nothing, *(SelectChoice(choice.key, choice.label.to(language)) for choice in field.choices)]
    return SelectField(label, choices=choices, validators=optional, validate_choice=False)
