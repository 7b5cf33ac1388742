"""«Utgående post»: the letters that the portal has written, and how each of them fared."""

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from portal.extensions import parts
from portal.model import OutgoingMail
from portal.permissions import Permission
from portal.web import lists
from portal.web.access import current_membership, requires

blueprint = Blueprint("mail", __name__, url_prefix="/mail")


@blueprint.get("")
@requires(Permission.MAIL_READ)
def index() -> ResponseReturnValue:
    """Letters, newest first."""
    by = current_membership()
    page = lists.mails(by, request.args)
    about = lists.contracts_with(by, {letter.contract_id for letter in page.rows})
    return render_template("mail/index.html", page=page, about=about, keeps_mail=parts().post.keeps_mail)


@blueprint.get("/<uuid:public_id>")
@requires(Permission.MAIL_READ, OutgoingMail)
def show(letter: OutgoingMail) -> ResponseReturnValue:
    """One letter as it was written."""
    about = lists.contracts_with(current_membership(), {letter.contract_id})
    return render_template(
        "mail/show.html",
        letter=letter,
        contract=about.get(letter.contract_id or 0),
        keeps_mail=parts().post.keeps_mail,
    )
