"""Programs that read for an organisation."""

import uuid

import click

from portal.cli.door import application, commands, name_of
from portal.extensions import transaction
from portal.operations.people import programs


@commands.group()
def program() -> None:
    """The programs that may read for an organisation, with a token of Maskinporten."""


@program.command(name="add")
@click.argument("organisation", metavar="ORGANISATION_NUMBER")
@click.argument("name", callback=name_of)
@click.option("--client-id", default="", help="Only this client at Maskinporten; else any of the organisation's.")
def add_program(organisation: str, name: str, client_id: str) -> None:
    """Let a program read what the organisation sees."""
    with application() as app, app.app_context():
        with transaction():
            added = programs.add(organisation, name, client_id.strip())
        click.echo(f"{added.public_id} {added.name} may read for {added.organisation.name}.")


@program.command(name="list")
def list_programs() -> None:
    """Every program, the ended ones too."""
    with application() as app, app.app_context():
        for each in programs.every():
            state = f"ended {each.ended_at:%Y-%m-%d}" if each.ended_at else "reads"
            click.echo(f"{each.public_id} {each.organisation.number} {each.name} {each.client_id or 'any'} {state}")


@program.command(name="end")
@click.argument("program_id", type=click.UUID)
def end_program(program_id: uuid.UUID) -> None:
    """Let a program read no more."""
    with application() as app, app.app_context():
        with transaction():
            ended = programs.end(program_id)
        click.echo(f"{ended.name} may no longer read for {ended.organisation.name}.")
