"""The register of personal data in words, as docs/personal-data.md has it."""

from portal.model.personal import REGISTER, Purpose

HEAD = """\
# Personal data

Made from `portal/model/personal.py` by `portal personal-data`; a test holds them against each other, and another fails
for a column that looks as if it were about somebody and is not here.

The buyer is the controller for what it asks its suppliers to report, and each organisation for its own members. Reports
are about machines and fuel, not about people: persons occur as those who wrote, signed, reviewed, decided and read.

A person takes out what is kept of them at `/account/my-data`. `portal erase EMAIL` takes name, address and ways in
away; the number stays, so that every chain of the audit trail stays whole. `portal retention --dry-run` says what would
go by itself.
"""


def document() -> str:
    """The register as Markdown, by purpose."""
    parts = [HEAD]
    for purpose in Purpose:
        mine = {place: datum for place, datum in REGISTER.items() if datum.purpose == purpose}
        lines = [f"| `{place}` | {datum.basis} | {datum.kept} |" for place, datum in mine.items()]
        if lines:
            parts.append(
                "\n".join([f"## Kept {purpose}\n", "| column | basis | kept |", "| --- | --- | --- |", *lines, ""])
            )
    return "\n".join(parts)
