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

## What an erasure changes, and what it leaves

Where something leads to the person by number, the name is gone everywhere at once. Beside that, their full name and
their address are replaced, as whole words, in the subject and text of letters to them, and of letters about their
organisations' contracts that name them; not where the name is, or is part of, that of somebody else. Who saw a notice
without that it set a clock going, and who said when a breach ended, are replaced by number.

Left as they were: **notices of breach and decisions on sanctions, as they were served, with the letters that served
them and the proof of delivery, and receipts of reports, as they were given** (`notice.text`, `.sent_to`, `.served_to`,
`.served_how`, `.delivered_how`, `sanction.delivered_how`, `sanction.on_paper`, `revision.on_paper`, and rows of
`outgoing_mail` that belong to a notice or a sanction). Arkivlova demands that what documents a public body's decisions
is neither changed nor lost; eForvaltningsforskriften lays the risk, and so the proof that a notice arrived, on the
sender; and the other party needs them to object. GDPR article 17 (3) (b) and (e) makes that exception from the right to
erasure. They go with the contract's record.

The papers of a decision and of a receipt are set when somebody fetches them, from what cannot change and from
`on_paper`: what people, organisations, the contract and the clause were called and said when it was decided or signed.
So neither an erasure nor a new name changes a paper that somebody holds already. The trail holds a fingerprint of it,
and no name. Every other page calls the same person what they are called now.
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
