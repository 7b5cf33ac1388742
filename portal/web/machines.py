"""The register of machines: what is owned and hired, and on which contract it works."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import cast

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_wtf import FlaskForm
from wtforms import SelectField, StringField
from wtforms.fields import SelectChoice  # type: ignore[attr-defined]
from wtforms.validators import Optional

from portal import kinds
from portal.errors import Invalid
from portal.extensions import transaction
from portal.kinds.base import Choice, Field, FieldType, Parsed, Problem
from portal.model import Contract, Machine
from portal.operations import machines
from portal.operations.machines import MachineFacts
from portal.permissions import Permission, allowed
from portal.text import Text, same
from portal.web import lists
from portal.web.access import current_membership, requires
from portal.web.accounts import current_language

blueprint = Blueprint("machines", __name__, url_prefix="/machines")

OTHER = "other"
TYPES = (
    Choice("crawler_excavator", Text("Gravemaskin på belter", "Crawler excavator")),
    Choice("wheel_excavator", Text("Gravemaskin på hjul", "Wheel excavator")),
    Choice("mini_excavator", Text("Minigraver", "Mini excavator")),
    Choice("wheel_loader", Text("Hjullaster", "Wheel loader")),
    Choice("track_loader", Text("Kompaktlaster", "Skid or track loader")),
    Choice("backhoe", Text("Traktorgraver", "Backhoe loader")),
    Choice("dozer", Text("Bulldoser", "Dozer")),
    Choice("grader", Text("Veihøvel", "Grader")),
    Choice("roller", Text("Vals", "Roller")),
    Choice("site_dumper", Text("Dumper", "Site dumper")),
    Choice("articulated_dumper", Text("Rammestyrt dumper", "Articulated dumper")),
    Choice("telehandler", Text("Teleskoptruck", "Telehandler")),
    Choice("forklift", Text("Gaffeltruck", "Forklift")),
    Choice("crane", Text("Kran", "Crane")),
    Choice("drilling_rig", Text("Borerigg eller pelerigg", "Drilling or piling rig")),
    Choice("crusher", Text("Knuser eller sikteverk", "Crusher or screen")),
    Choice("concrete_pump", Text("Betongpumpe", "Concrete pump")),
    Choice("asphalt_paver", Text("Asfaltutlegger", "Asphalt paver")),
    Choice("lift", Text("Lift", "Lift")),
    Choice("compressor", Text("Kompressor", "Compressor")),
    Choice("generator", Text("Aggregat", "Generator")),
    Choice("heater", Text("Byggvarmer", "Heater")),
    Choice("pump", Text("Pumpe", "Pump")),
    Choice("light_tower", Text("Lysmast", "Light tower")),
    Choice("lorry", Text("Lastebil", "Lorry")),
    Choice("van", Text("Varebil", "Van")),
    Choice(OTHER, Text("Annet", "Other")),
)
"""What a machine may be. «Annet» goes with a word of the person's own, which is then what is stored."""

_LINES = next(kind for kind in kinds.kinds().values() if any(column.source == "machines" for column in kind.columns))
"""The kind whose lines are about machines: its words for carriers and stages are the register's."""
REGISTER = (
    Field(
        "name",
        Text("Navn eller nummer", "Name or number"),
        FieldType.TEXT,
        longest=60,
        hint=Text("Det dere kaller maskinen, for eksempel CAT 320-07.", "What you call it, for example CAT 320-07."),
    ),
    Field("type", Text("Maskintype", "Type of machine"), FieldType.CHOICE, choices=TYPES),
    Field(
        "other_type",
        Text("Hvis annet: hvilken type?", "If other: which type?"),
        FieldType.TEXT,
        required=False,
        longest=40,
    ),
    Field("model", Text("Merke og modell", "Make and model"), FieldType.TEXT, required=False, longest=120),
    Field("serial", Text("Serienummer", "Serial number"), FieldType.TEXT, required=False, longest=60),
    replace(_LINES.column("carrier"), hint=Text("Det maskinen bruker mest.", "What the machine uses most.")),
    replace(_LINES.column("stage"), hint=Text("Står på motorskiltet.", "It stands on the engine plate.")),
)
"""The questions about a machine. Carrier and stage are those of the machine lines in a report."""
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
SAY_WHICH = Text("Skriv hva slags maskin det er.", "Say what kind of machine it is.")


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


@blueprint.get("")
@requires(Permission.MACHINE_READ)
def index() -> ResponseReturnValue:
    """Own machines, or those on one's contracts."""
    by = current_membership()
    return render_template(
        "machines/index.html",
        page=lists.machines(by, request.args),
        by=by,
        type_in_words=type_in_words,
        carrier=_LINES.column("carrier"),
        stage=_LINES.column("stage"),
        may_edit=allowed(by, Permission.MACHINE_EDIT),
    )


@blueprint.route("/new", methods=["GET", "POST"])
@requires(Permission.MACHINE_EDIT)
def new() -> ResponseReturnValue:
    """Register a machine and say where it works."""
    contracts = lists.contracts_of(current_membership())
    fields = (*REGISTER, *_on_one_of(contracts))
    form = DescribedForm.of(fields)()
    if not form.is_submitted():
        return render_template("machines/new.html", form=form, fields=fields, contracts=contracts)
    found = form.read(fields)
    if form["type"].data == OTHER and not (form["other_type"].data or "").strip():
        form.blame("other_type", SAY_WHICH)
    if found is None or form.errors or not _stored(form, found, contracts):
        return render_template("machines/new.html", form=form, fields=fields, contracts=contracts, failed=True), 422
    flash(
        _(
            "%(name)s is registered. It will be in the reports of the contract from the day it arrives.",
            name=found["name"],
        ),
        "success",
    )
    return redirect(url_for(".index"), 303)


def type_in_words(machine: Machine) -> Text:
    """What kind of machine it is."""
    chosen = next((choice for choice in TYPES if choice.key == machine.type), None)
    return chosen.label if chosen else same(machine.type)


def _stored(form: DescribedForm, found: Mapping[str, Parsed], contracts: list[Contract]) -> bool:
    """Register and deploy in one act. False, with the words at their field, when the portal refuses."""
    by = current_membership()
    contract = next(each for each in contracts if str(each.public_id) == found["contract"])
    blamed = "name"
    try:
        with transaction():
            machine = machines.register(_facts(found), by=by)
            blamed = "departed_on"
            machines.deploy(
                machine, contract, cast("date", found["arrived_on"]), cast("date | None", found["departed_on"]), by=by
            )
    except Invalid as refusal:
        form.blame(blamed, refusal.text)
    return not form.errors


def _facts(found: Mapping[str, Parsed]) -> MachineFacts:
    said = {key: str(found[key] or "") for key in ("name", "type", "carrier", "stage", "model", "serial")}
    return MachineFacts(**{**said, "type": str(found["other_type"]) if said["type"] == OTHER else said["type"]})


def _on_one_of(contracts: list[Contract]) -> tuple[Field, ...]:
    choices = tuple(Choice(str(each.public_id), same(f"{each.reference} {each.title}")) for each in contracts)
    return tuple(field.with_choices(choices) if field.source == "contracts" else field for field in DEPLOYMENT)


def _control(field: Field) -> StringField | SelectField:
    language = current_language()
    label, optional = field.label.to(language), [] if field.required else [Optional()]
    if field.type is not FieldType.CHOICE:
        return StringField(label, validators=optional)
    nothing = [] if len(field.choices) == 1 else [SelectChoice("", _("Choose"))]
    choices = [*nothing, *(SelectChoice(choice.key, choice.label.to(language)) for choice in field.choices)]
    return SelectField(label, choices=choices, validators=optional, validate_choice=False)
