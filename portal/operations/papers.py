"""What a paper says that stands in rows that change: kept when the paper comes to be, so that it stays what it was.

A decision or a receipt is set again each time that somebody fetches it. Its figures, reasons and seals cannot change;
what people and organisations are called, what a case found and how a clause is worded can, and are kept beside it.
"""

import hashlib
import json

from portal.model import Contract, Revision, Sanction
from portal.model.base import Json


def keep_decision(sanction: Sanction) -> str:
    """Keep what the paper of a decision says of others' rows; the fingerprint of it, for the trail."""
    case, decided_by = sanction.deviation, sanction.decided_by
    sanction.on_paper = {
        **_named(sanction.contract),
        "proposed_by": sanction.proposed_by.name,
        "decided_by": decided_by.name if decided_by else "",
        "breach": case.clause,
        "found": case.sentence,
        "clause": sanction.clause.clause,
        "wording": sanction.clause.wording,
    }
    return fingerprint(sanction)


def keep_receipt(revision: Revision) -> str:
    """Keep what the receipt of a revision says of others' rows; the fingerprint of it, for the trail."""
    revision.on_paper = {**_named(revision.report.contract), "signed_by": revision.signed_by.name}
    return fingerprint(revision)


def fingerprint(row: Sanction | Revision) -> str:
    """SHA-256 over what is kept for the paper of a row, and which row it is."""
    said = json.dumps([str(row.public_id), row.on_paper], sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(said.encode()).hexdigest()


def _named(contract: Contract) -> Json:
    return {
        "reference": contract.reference,
        "title": contract.title,
        "zone": contract.time_zone,
        "buyer": contract.buyer.name,
        "supplier": contract.supplier.name,
        "number": contract.supplier.number,
    }
