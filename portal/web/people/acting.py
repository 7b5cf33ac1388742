"""For whom one acts."""

import uuid

from flask import redirect, render_template, request
from flask.typing import ResponseReturnValue

from portal.errors import NotFound
from portal.operations import accounts
from portal.operations.lookup import NOT_HERE
from portal.web import access
from portal.web.access import current_person, safe_target, signed_in
from portal.web.labels import roles_of
from portal.web.people.sign_in import blueprint


@blueprint.route("/acting-for", methods=["GET", "POST"])
@signed_in("One chooses here for whom to act.")
def acting_for() -> ResponseReturnValue:
    """Choose for whom to act; only one's own memberships can be chosen."""
    person = current_person()
    if request.method == "GET":
        target = safe_target(request.args.get("next"))
        return render_template("people/acting_for.html", memberships=person.memberships, next=target, roles_of=roles_of)
    membership = accounts.membership_of(person, _as_uuid(request.form.get("membership", "")))
    if membership is None:
        raise NotFound(NOT_HERE)
    access.act_for(membership)
    return redirect(safe_target(request.form.get("next")) or access.home(), 303)


def _as_uuid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise NotFound(NOT_HERE) from None
