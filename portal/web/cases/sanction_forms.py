"""The form in which a sanction is proposed, and proposed again."""

from flask_babel import lazy_gettext as N_  # noqa: N812 - the name that pybabel looks for
from flask_wtf import FlaskForm
from wtforms import BooleanField, IntegerField, RadioField, StringField, TextAreaField
from wtforms.fields import SelectChoice  # type: ignore[attr-defined]
from wtforms.validators import Optional

from portal import quantities
from portal.errors import Invalid
from portal.kinds.base import Problem
from portal.model import Sanction
from portal.operations.cases import dropped_points
from portal.operations.cases.sanctions import Waiver
from portal.web.languages import current_language


class ProposalForm(FlaskForm):
    """A sanction proposed: its reasons, and what of it is not asked for."""

    version = IntegerField()
    reason = TextAreaField(N_("Reasons"))
    waive = RadioField(
        N_("Ask for what the clause gives?"),
        choices=[
            SelectChoice("", N_("Yes, all of it")),
            SelectChoice("part", N_("Waive part of it")),
            SelectChoice("all", N_("Waive all of it")),
        ],
        default="",
        validators=[Optional()],
    )
    waived = StringField(N_("How much is waived"), validators=[Optional()])
    waiver_reason = TextAreaField(N_("Why it is waived"), validators=[Optional()])
    others = BooleanField(N_("The lines that are left are about other points"))

    def waiver(self) -> Waiver | None:
        """What was chosen. Raises Invalid when the amount is no number."""
        if self.waive.data not in {"part", "all"}:
            return None
        amount = None if self.waive.data == "all" else quantities.read(self.waived.data or "")
        if isinstance(amount, quantities.Unreadable):
            raise Invalid(amount.text, (Problem(amount.rule, amount.text, "waived"),))
        return Waiver(amount, self.waiver_reason.data or "")


def revision(sanction: Sanction | None) -> ProposalForm:
    """The proposal as it was, to go on from."""
    if sanction is None:
        return ProposalForm(None, prefix="revise", version=0)
    waived = quantities.for_input(sanction.waived, current_language()) if sanction.waived else ""
    return ProposalForm(
        None,
        prefix="revise",
        version=sanction.version,
        reason=sanction.reasons,
        waive="" if not sanction.waived else "part" if sanction.amount else "all",
        waived=waived if sanction.amount else "",
        waiver_reason=sanction.waiver_reason,
        others=bool(dropped_points.answered(sanction)),
    )
