"""«Personer»: who acts for one's organisation, who is invited, and how one leaves."""

import uuid
from collections.abc import Callable
from datetime import date
from functools import partial

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as N_  # noqa: N812 - the name that pybabel looks for
from flask_wtf import FlaskForm
from wtforms import BooleanField, Field, SelectField, SelectMultipleField, StringField
from wtforms.validators import InputRequired
from wtforms.widgets import CheckboxInput, ListWidget

from portal.errors import Refused
from portal.extensions import db, parts, transaction
from portal.model import ROLES_OF, Invitation, Membership, Role, Substitution
from portal.operations import accounts, lookup
from portal.operations.people import domains, invitations, members, set_up_codes, substitutes
from portal.permissions import Permission
from portal.text import Text
from portal.web import labels
from portal.web.access import current_membership, requires
from portal.web.confirmation import confirmed
from portal.web.days import DayField
from portal.web.reading import reads
from portal.web.words import words

blueprint = Blueprint("members", __name__, url_prefix="/people")

WHAT_ROLES_DO = {
    Role.REPORTER: Text("Fyller ut rapporter.", "Fills in reports."),
    Role.SIGNATORY: Text("Signerer og sender inn.", "Signs and submits."),
    Role.REVIEWER: Text("Kontrollerer rapporter.", "Reviews reports."),
    Role.CONTRACT_MANAGER: Text("Følger opp kontrakter, avvik og frister.", "Follows up contracts and deviations."),
    Role.DECISION_MAKER: Text("Avgjør sanksjoner.", "Decides on sanctions."),
    Role.ADMINISTRATOR: Text("Inviterer personer og gir roller.", "Invites people and gives roles."),
    Role.READER: Text("Leser kontrakter, rapporter og avvik.", "Reads contracts, reports and deviations."),
    Role.AUDITOR: Text("Leser alt, også brev.", "Reads everything, letters too."),
}


def _roles_field() -> SelectMultipleField:
    return SelectMultipleField(
        N_("Roles"), coerce=str, option_widget=CheckboxInput(), widget=ListWidget(), validate_choice=False
    )


class RolesForm(FlaskForm):
    """Any of the roles that there are on this side of a contract."""

    roles = _roles_field()

    def offer(self, by: Membership) -> None:
        """Offer the roles of this organisation's side."""
        here = ROLES_OF[by.organisation.kind]
        self.roles.choices = [(role.value, str(labels.ROLE[role]).capitalize()) for role in Role if role in here]

    @property
    def chosen(self) -> set[Role]:
        """The roles that were ticked; what is no role is none."""
        return {Role(code) for code in self.roles.data or () if code in set(Role)}


class InviteForm(RolesForm):
    """Whom to invite."""

    email = StringField(N_("E-mail"))
    works_here = BooleanField(N_("This person works for us with an address elsewhere"))
    why = StringField(N_("Why do they have an address elsewhere?"))
    roles = _roles_field()  # after the others, as on the page: what is wrong is listed in that order


class SubstituteForm(FlaskForm):
    """Who stands in, and on which days."""

    substitute = SelectField(N_("Who stands in?"), coerce=str, validate_choice=False)
    from_on = DayField(N_("First day"), validators=[InputRequired(N_("Write the first day."))])
    to_on = DayField(N_("Last day"), validators=[InputRequired(N_("Write the last day."))])


class RetireForm(FlaskForm):
    """Who takes over."""

    heir = SelectField(N_("Who takes over?"), coerce=str, validate_choice=False)


@blueprint.get("")
@requires(Permission.MEMBER_MANAGE)
@reads("members")
def index() -> ResponseReturnValue:
    """Everybody who acts or has acted for the organisation, and who is invited."""
    by = current_membership()
    own = by.organisation
    return render_template(
        "people/members.html",
        by=by,
        members=members.of(by),
        invitations=invitations.of(by),
        domains=domains.of(own),
        is_elsewhere=partial(domains.is_elsewhere, own),
    )


@blueprint.route("/invite", methods=["GET", "POST"])
@requires(Permission.MEMBER_MANAGE)
@confirmed
def invite() -> ResponseReturnValue:
    """Invite somebody by e-mail. The answer is the same whether or not the portal knows the address."""
    by, form = current_membership(), InviteForm()
    form.offer(by)
    if request.method == "GET":
        return _invite_page(form)
    if not (form.email.data or "").strip():
        form.email.errors = [_("Write an e-mail.")]
    if not form.chosen:
        form.roles.errors = [words(invitations.NO_ROLE)]
    else:
        _done(form.roles, lambda: accounts.demand_side(by.organisation.kind, form.chosen))
    why = _why_elsewhere(form) if _is_elsewhere(form) else ""
    if form.errors:
        return _invite_page(form), 422
    email = form.email.data or ""
    if not _done(form.email, lambda: invitations.invite(email, form.chosen, by=by, why_elsewhere=why)):
        return _invite_page(form), 422
    flash(_("An invitation is on its way to %(email)s. It can be used for seven days.", email=accounts.as_email(email)))
    _warn_of_no_mail()
    return redirect(url_for(".index"), 303)


@blueprint.post("/invitations/<uuid:public_id>/resend")
@requires(Permission.MEMBER_MANAGE, Invitation)
@confirmed
def resend(invitation: Invitation) -> ResponseReturnValue:
    """Send an invitation again."""
    with transaction():
        invitations.resend(invitation, by=current_membership())
    flash(_("The invitation to %(email)s is sent again.", email=invitation.email), "success")
    _warn_of_no_mail()
    return redirect(url_for(".index"), 303)


@blueprint.post("/invitations/<uuid:public_id>/withdraw")
@requires(Permission.MEMBER_MANAGE, Invitation)
def withdraw(invitation: Invitation) -> ResponseReturnValue:
    """Take an invitation back."""
    with transaction():
        invitations.withdraw(invitation, by=current_membership())
    flash(_("The invitation to %(email)s is taken back.", email=invitation.email), "success")
    return redirect(url_for(".index"), 303)


@blueprint.route("/<uuid:public_id>", methods=["GET", "POST"])
@requires(Permission.MEMBER_MANAGE, Membership)
@confirmed
def member(row: Membership) -> ResponseReturnValue:
    """One member, and the roles they have."""
    by, form = current_membership(), RolesForm()
    form.offer(by)
    if request.method == "GET":
        form.roles.data = [role.value for role in row.last_roles]
        return _member_page(form, row)
    if not _done(form.roles, lambda: members.change_roles(row, form.chosen, by=by)):
        return _member_page(form, row), 422
    flash(_("%(name)s is now %(roles)s.", name=row.person.name, roles=labels.roles_of(row)), "success")
    return redirect(url_for(".index"), 303)


@blueprint.post("/<uuid:public_id>/set-up-code")
@requires(Permission.MEMBER_MANAGE, Membership)
@confirmed
def give_set_up_code(row: Membership) -> ResponseReturnValue:
    """Make the code that a member sets up an app with, and show it this once."""
    with transaction():
        code = set_up_codes.give(row, by=current_membership())
    return render_template("people/set_up_code.html", member=row, code=code)


@blueprint.route("/<uuid:public_id>/retire", methods=["GET", "POST"])
@requires(Permission.MEMBER_MANAGE, Membership)
@confirmed
def retire(row: Membership) -> ResponseReturnValue:
    """What waits for a member, who takes it over, and the end of the membership."""
    by, form = current_membership(), RetireForm()
    heirs = members.heirs(row)
    form.heir.choices = [("", _("Nobody: others can do it"))]
    form.heir.choices += [(str(each.public_id), f"{each.person.name} ({labels.roles_of(each)})") for each in heirs]
    if request.method == "GET":
        return _retire_page(form, row)
    if not _done(form.heir, lambda: members.retire(row, by=by, heir=_chosen(form.heir, by, members.NOT_HEIR))):
        return _retire_page(form, row), 422
    flash(_("%(name)s no longer acts for %(firm)s.", name=row.person.name, firm=row.organisation.name), "success")
    return redirect(url_for("pages.home" if row.person_id == by.person_id else ".index"), 303)


@blueprint.route("/<uuid:public_id>/substitute", methods=["GET", "POST"])
@requires(Permission.MEMBER_MANAGE, Membership)
@confirmed
def substitute(row: Membership) -> ResponseReturnValue:
    """Name somebody who stands in for a member for a while."""
    by, form = current_membership(), SubstituteForm()
    form.substitute.choices = [(str(each.public_id), each.person.name) for each in members.heirs(row)]
    if request.method == "GET":
        return _substitute_page(form, row)
    if not form.validate_on_submit() or not _done(form.to_on, lambda: _appoint(form, row, by)):
        return _substitute_page(form, row), 422
    flash(_("Stored. Both have got a letter about it."), "success")
    return redirect(url_for(".substitute", public_id=row.public_id), 303)


@blueprint.post("/substitutes/<uuid:public_id>/end")
@requires(Permission.MEMBER_MANAGE, Substitution)
def end_substitute(row: Substitution) -> ResponseReturnValue:
    """Let somebody stand in no longer."""
    with transaction():
        substitutes.end(row, by=current_membership())
    flash(_("%(name)s stands in no longer.", name=row.substitute.person.name), "success")
    return redirect(url_for(".substitute", public_id=row.absent.public_id), 303)


def _done(field: Field, act: Callable[[], object]) -> bool:
    """Do it, in one transaction; why it is refused is said at the field."""
    try:
        with transaction():
            act()
    except Refused as refusal:
        field.errors = [words(refusal.text)]
        db.session.rollback()
        return False
    return True


def _chosen(field: Field, by: Membership, otherwise: Text) -> Membership | None:
    """The member that was chosen in a field, or none. Raises Refused for what is no choice, NotFound for strangers."""
    try:
        return lookup.one(Membership, uuid.UUID(field.data), by) if field.data else None
    except ValueError:
        raise Refused(otherwise) from None


def _appoint(form: SubstituteForm, row: Membership, by: Membership) -> None:
    chosen = _chosen(form.substitute, by, substitutes.NOT_THEM)
    if chosen is None:
        raise Refused(substitutes.NOT_THEM)
    first, last = form.from_on.data or date.max, form.to_on.data or date.min
    substitutes.appoint(row, chosen, first, last, by=by)


def _member_page(form: RolesForm, row: Membership) -> str:
    gives_code = set_up_codes.may_be_given_by(current_membership(), row)
    return render_template("people/member.html", form=form, member=row, what=WHAT_ROLES_DO, gives_code=gives_code)


def _substitute_page(form: SubstituteForm, row: Membership) -> str:
    return render_template("people/substitute.html", form=form, member=row, rows=substitutes.of(row))


def _invite_page(form: InviteForm) -> str:
    return render_template("people/invite.html", form=form, what=WHAT_ROLES_DO, asks_why=_is_elsewhere(form))


def _is_elsewhere(form: InviteForm) -> bool:
    """Whether the address that was written is outside the organisation's own domains; what is no address is not."""
    try:
        email = accounts.as_email(form.email.data or "")
    except Refused:
        return False
    return domains.is_elsewhere(current_membership().organisation, email)


def _why_elsewhere(form: InviteForm) -> str:
    """Why they have an address elsewhere, where it is ticked that they have; what is missing is said in the form."""
    why = " ".join((form.why.data or "").split())
    if not form.works_here.data:
        try:
            domains.demand_known(current_membership().organisation, accounts.as_email(form.email.data or ""), "")
        except Refused as refusal:
            form.works_here.errors = [words(refusal.text)]
        return ""
    if not 0 < len(why) <= domains.LONGEST_WHY:
        form.why.errors = [_("Write why, in at most %(most)s characters.", most=domains.LONGEST_WHY)]
    return why


def _retire_page(form: RetireForm, row: Membership) -> str:
    found = members.waiting(row) if row.ended_at is None else []
    return render_template("people/retire.html", form=form, member=row, waiting=found)


def _warn_of_no_mail() -> None:
    if parts().post.keeps_mail:
        flash(_("No mail server is set up, so the letter reaches nobody."), "warning")
