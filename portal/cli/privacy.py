"""What is kept of people: letters that came back, how long things are kept, and erasure."""

import sys

import click

from portal import tenancy
from portal.cli.door import application, commands
from portal.extensions import transaction
from portal.operations import accounts, personal_data, retention
from portal.operations.people import bounces, own_data


@commands.command()
def bounce() -> None:
    """Take a letter that came back, as mail servers report it, from standard input.

    Let the mailbox of KLIMAKONTRAKT_MAIL_SENDER hand its letters to this command. What is no report of a letter of
    ours that failed for good is left alone.
    """
    returned = sys.stdin.buffer.read(bounces.LARGEST)
    with application() as app, app.app_context():
        tenancy.act_on_everything()
        with transaction():
            row = bounces.note(returned)
        click.echo(f"Noted: a letter to {row.to_address} came back." if row else "Nothing to note.")


@commands.command(name="retention")
@click.option("--dry-run", is_flag=True, help="Say what would go, and remove nothing.")
def sweep_personal(dry_run: bool) -> None:  # noqa: FBT001 - a command-line switch
    """Remove what has been kept of people for as long as it is needed; a worker does so each night."""
    with application() as app, app.app_context():
        tenancy.act_on_everything()
        if dry_run:
            found = list(retention.due())
        else:
            with transaction():
                found = list(retention.remove())
        for each in found:
            click.echo(f"{each.rows} {each.kind.words.to('en')} older than {each.kind.days} days")


@commands.command()
@click.argument("email")
def erase(email: str) -> None:
    """Take a person's name, address and ways in away; what was done stays, and every chain stays whole."""
    with application() as app, app.app_context():
        tenancy.act_on_everything()
        with transaction():
            own_data.erase(accounts.person_of(email))
        click.echo(f"{email} is erased.")


@commands.command(name="personal-data")
def print_personal_data() -> None:
    """Print the register of personal data: what is kept of people, why, and for how long."""
    click.echo(personal_data.document(), nl=False)
