"""What each figure means: its formula in words, and how the cases count that people dispute. Open to everybody."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from portal import kinds
from portal.web.access import public

blueprint = Blueprint("definitions", __name__)


@blueprint.get("/definitions")
@public("what a figure means is no secret, and those who compare figures must be able to read it")
def show() -> ResponseReturnValue:
    """Every figure of every kind, those of the whole site first."""
    return render_template("definitions/show.html", kinds=(kinds.WHOLE_SITE, *kinds.kinds().values()))
