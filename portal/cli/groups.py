"""Groups of buyers."""

import click

from portal.cli.door import application, commands
from portal.extensions import transaction
from portal.operations.people import groups


@commands.group()
def group() -> None:
    """Groups of buyers: who only reads at the head, such as a county, reads what its members have."""


@group.command(name="add")
@click.argument("head", metavar="HEAD_NUMBER")
@click.argument("member", metavar="MEMBER_NUMBER")
def add_member(head: str, member: str) -> None:
    """Let the readers and auditors of HEAD read the contracts of MEMBER. Both are buyers here."""
    with application() as app, app.app_context():
        with transaction():
            added = groups.add(head, member)
        click.echo(f"{added.head.name} reads what {added.organisation.name} has. Its administrators are told.")


@group.command(name="leave")
@click.argument("head", metavar="HEAD_NUMBER")
@click.argument("member", metavar="MEMBER_NUMBER")
def leave_group(head: str, member: str) -> None:
    """Let HEAD read MEMBER no more."""
    with application() as app, app.app_context():
        with transaction():
            ended = groups.leave(head, member)
        click.echo(f"{ended.head.name} no longer reads what {ended.organisation.name} has.")


@group.command(name="list")
def list_groups() -> None:
    """Every group as it is now."""
    with application() as app, app.app_context():
        for each in groups.every():
            head, member, since = each.head, each.organisation, f"{each.created_at:%Y-%m-%d}"
            click.echo(f"{head.number} {head.name} reads {member.number} {member.name} since {since}")
