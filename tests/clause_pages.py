"""The forms of sanction clauses as a browser sends them."""

import re

FEE = {
    "form": "fee",
    "clause": "7.1",
    "wording": "Gebyr ved brudd.",
    "requirement": "all",
    "warns_first": "yes",
    "rate": "25 000",
    "valid_from": "01.06.2026",
    "counts": "line",
}
DAILY = {
    "form": "daily",
    "clause": "7.2",
    "wording": "Dagmulkt ved forsinkelse.",
    "requirement": "all",
    "warns_first": "no",
    "rate": "0,5",
    "valid_from": "01.06.2026",
    "base": "value",
    "base_amount": "",
    "starts": "deadline",
    "grace_days": "2",
    "day_counting": "working",
    "least_per_day": "1 500",
    "cap_days": "100",
    "cap_percent": "10",
}


def version(page: str) -> dict[str, str]:
    """The versions that a page's forms carry, by the name of their field."""
    found = re.findall(r'<input[^>]*type="hidden"[^>]*name="([^"]*version)"[^>]*value="(\d+)"', page)
    return dict(found)
