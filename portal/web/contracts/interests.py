"""Who does what on a contract, and who has said that they are not impartial there."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as N_  # noqa: N812 - the name that pybabel looks for
from flask_wtf import FlaskForm
from wtforms import RadioField, TextAreaField
from wtforms.fields import SelectChoice  # type: ignore[attr-defined]

from portal.errors import Invalid
from portal.extensions import transaction
from portal.model import Contract, Interest
from portal.operations.people import interests
from portal.permissions import Permission, allowed
from portal.web.access import current_membership, requires
from portal.web.contracts.contracts import blueprint
from portal.web.languages import current_language

THIS, EVERY = "this", "every"


class InterestForm(FlaskForm):
    """What somebody has to do with the supplier."""

    wide = RadioField(
        N_("What is it about?"),
        choices=[
            SelectChoice(THIS, N_("This contract only")),
            SelectChoice(EVERY, N_("Every contract with this supplier")),
        ],
        default=THIS,
    )
    words = TextAreaField(N_("What is your interest?"))


@blueprint.route("/<uuid:public_id>/interests", methods=["GET", "POST"])
@requires(Permission.INTEREST_DECLARE, Contract)
def declare_interest(contract: Contract) -> ResponseReturnValue:
    """Say that one is not impartial here, and see who else has."""
    form, by = InterestForm(), current_membership()
    if request.method == "GET":
        return _page(contract, form)
    try:
        with transaction():
            interests.declare(contract, form.words.data or "", every_contract=form.wide.data == EVERY, by=by)
    except Invalid as refusal:
        form.words.errors = [refusal.text.to(current_language())]
        return _page(contract, form), 422
    flash(_("Noted. You decide nothing here from now on."), "success")
    return redirect(url_for(".declare_interest", public_id=contract.public_id), 303)


@blueprint.post("/interests/<uuid:public_id>/end")
@requires(Permission.INTEREST_END, Interest)
def end_interest(interest: Interest) -> ResponseReturnValue:
    """It holds no more."""
    with transaction():
        interests.end(interest, by=current_membership())
    flash(_("The interest is ended."), "success")
    return redirect(url_for(".index"), 303)


def _page(contract: Contract, form: InterestForm) -> str:
    by = current_membership()
    return render_template(
        "contracts/interests.html",
        contract=contract,
        form=form,
        declared=interests.of(contract, by=by),
        by=by,
        may_end=allowed(by, Permission.INTEREST_END),
    )
