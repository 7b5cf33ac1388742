"""What programs may read, each way described once: the routes and their OpenAPI description are made from it."""

import uuid
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Flask, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Select, select

from portal import permissions
from portal.errors import Refused
from portal.extensions import db
from portal.model import Contract, Figure, Membership, Report, Revision, RevisionLine
from portal.permissions import Permission
from portal.text import Text
from portal.web.access import public
from portal.web.api import door, openapi
from portal.web.api.openapi import Offer
from portal.web.api.shapes import CONTRACT, FIGURE, LINE, REPORT, Shape

blueprint = Blueprint("api", __name__, url_prefix=openapi.PREFIX)

BAD_LIMIT = Text("limit er et helt tall fra 1 til {most}.", "limit is a whole number from 1 to {most}.")
BAD_AFTER = Text(
    "after er id-en til en linje du har fått før, som i «next».",
    "after is the id of a row you were given, as in “next”.",
)


def init_app(app: Flask) -> None:
    """Count who comes."""
    door.init_app(app)


@blueprint.get("/openapi.json")
@public("It describes the API, and tells nothing of what is in it.")
def description() -> ResponseReturnValue:
    """The API as OpenAPI 3.1 describes it."""
    return openapi.description(OFFERS)


def _contracts(by: Membership) -> dict[str, object]:
    return _page(permissions.visible(Contract, by), Contract, CONTRACT, Contract.public_id)


def _contract(_by: Membership, contract: Contract) -> dict[str, object]:
    return CONTRACT.dump(contract)


def _reports(by: Membership, contract: Contract) -> dict[str, object]:
    rows = permissions.visible(Report, by).where(Report.contract_id == contract.id)
    return _page(rows, Report, REPORT, Report.public_id)


def _report(_by: Membership, report: Report) -> dict[str, object]:
    return REPORT.dump(report)


def _lines(_by: Membership, report: Report) -> dict[str, object]:
    rows = select(RevisionLine).where(RevisionLine.revision_id.in_(_in_force(report)))
    return _page(rows, RevisionLine, LINE, RevisionLine.key)


def _figures(_by: Membership, report: Report) -> dict[str, object]:
    rows = select(Figure).where(Figure.revision_id.in_(_in_force(report))).order_by(Figure.id)
    return {"items": [FIGURE.dump(each) for each in db.session.scalars(rows)], "next": None}


def _in_force(report: Report) -> Select[Any]:
    """The approved revision in force of a report, if there is one."""
    return select(Revision.id).where(Revision.report_id == report.id, Revision.number == report.accepted_number)


def _page(rows: Select[Any], entity: Any, shape: Shape, public: Any) -> dict[str, object]:
    """One page, in the order in which rows came; `public` is the column by which the last one is named."""
    limit, after = _limit(), request.args.get("after")
    if after is not None:
        last = db.session.scalar(rows.with_only_columns(entity.id).where(public == _uuid(after)))
        if last is None:
            raise Refused(BAD_AFTER)
        rows = rows.where(entity.id > last)
    found = list(db.session.scalars(rows.order_by(entity.id).limit(limit + 1)).unique())
    items, more = found[:limit], len(found) > limit
    following = (
        {**(request.view_args or {}), "limit": limit, "after": str(getattr(items[-1], public.key))} if more else {}
    )
    return {
        "items": [shape.dump(each) for each in items],
        "next": url_for(request.endpoint or "", **following) if more else None,
    }


def _limit() -> int:
    written = request.args.get("limit", str(openapi.USUAL))
    if not (written.isascii() and written.isdigit() and len(written) <= 3 and 1 <= int(written) <= openapi.MOST):  # noqa: PLR2004 - digits
        raise Refused(BAD_LIMIT.with_values(most=openapi.MOST))
    return int(written)


def _uuid(written: str) -> uuid.UUID:
    try:
        return uuid.UUID(written)
    except ValueError:
        raise Refused(BAD_AFTER) from None


OFFERS = (
    Offer("contracts", "/contracts", CONTRACT, _contracts, Permission.CONTRACT_READ, "Contracts", is_paged=True),
    Offer(
        "contract",
        "/contracts/<uuid:public_id>",
        CONTRACT,
        _contract,
        Permission.CONTRACT_READ,
        "One contract",
        Contract,
    ),
    Offer(
        "reports",
        "/contracts/<uuid:public_id>/reports",
        REPORT,
        _reports,
        Permission.REPORT_READ,
        "Reports of a contract",
        Contract,
        is_paged=True,
    ),
    Offer("report", "/reports/<uuid:public_id>", REPORT, _report, Permission.REPORT_READ, "One report", Report),
    Offer(
        "lines",
        "/reports/<uuid:public_id>/lines",
        LINE,
        _lines,
        Permission.REPORT_READ,
        "Lines of the approved revision in force",
        Report,
        is_paged=True,
    ),
    Offer(
        "figures",
        "/reports/<uuid:public_id>/figures",
        FIGURE,
        _figures,
        Permission.REPORT_READ,
        "Figures of the approved revision in force",
        Report,
        is_list=True,
    ),
)
"""Every way to read."""

for offer in OFFERS:
    view: Callable[..., ResponseReturnValue] = door.reads(offer.permission, offer.about)(offer.read)
    blueprint.add_url_rule(offer.path, offer.name, view, methods=["GET"])
