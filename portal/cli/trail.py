"""The audit trail, for whoever trusts nobody."""

import sys
from itertools import chain
from typing import TextIO

import click

from portal import tenancy
from portal.cli.door import application, commands
from portal.extensions import transaction
from portal.operations import anchors, audit
from portal.operations.reports import judgements, signatures


@commands.command(name="verify-audit")
@click.option(
    "--anchor", "outside", type=click.File(encoding="utf-8"), multiple=True, help="A letter or file of heads."
)
def verify_audit(outside: tuple[TextIO, ...]) -> None:
    """Walk every chain of the audit trail, and hold every signed report against the hash it was signed with.

    Exits 1 and names the first bad entry of each chain that is broken, and each report that is not what was signed,
    and each of the buyer's words on its marks that is not what was given.

    With --anchor, what was kept outside is held against it too: a daily letter of heads, the text of a receipt or a
    decision, or what `portal anchor` printed. Only that shows an end that was cut off, or a chain written anew.
    """
    known = anchors.read("\n".join(each.read() for each in outside))
    if outside and not any(known):
        raise click.ClickException("No head, no entry and no anchor stands in what --anchor names.")
    broken = 0
    with application() as app, app.app_context():
        tenancy.act_on_everything()
        for link in audit.broken_links(known):
            broken += 1
            click.echo(f"{link.place}: {link.why}", err=True)
        for each in chain(signatures.unlike_signed(), judgements.unlike_given()):
            broken += 1
            click.echo(f"{each.place}: {each.why}", err=True)
    if broken:
        sys.exit(1)
    entries = len(known.heads) + len(known.seals)
    held = f" What was kept outside matches: entries {entries}, anchors {len(known.anchors)}." if outside else ""
    click.echo(f"Every chain is whole.{held}\nEvery report is as it was signed.")


@commands.command(name="anchor")
def print_anchor() -> None:
    """Anchor every chain of the audit trail, and print the heads, to be kept where nobody of the portal can write."""
    with application() as app, app.app_context():
        tenancy.act_on_everything()
        with transaction():
            heads = anchors.heads()
            anchor = anchors.drop(heads)
        click.echo(f"{anchors.text(anchor)}\nmade {anchor.at.isoformat()} over {len(heads)} chains")
        for head in heads:
            click.echo(str(head))


@commands.command(name="write-audit")
def write_audit() -> None:
    """Write every entry of the audit trail as a line of JSON, for whoever wants to check it by means of their own."""
    with application() as app, app.app_context():
        tenancy.act_on_everything()
        for line in audit.written_out():
            click.echo(line)
