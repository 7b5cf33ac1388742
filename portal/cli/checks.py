"""Whether this installation and its diagrams are as they must be."""

import sys
from collections.abc import Iterator, Mapping
from itertools import chain

import click

from portal import readiness, resources, schema
from portal.cli.door import application, commands
from portal.config import Settings
from portal.extensions import transaction
from portal.findings import Finding, Standing, fault, fine
from portal.operations import audit
from portal.operations.people import second_factors
from portal.operations.reports import judgements, signatures
from portal.operations.service_tasks import SERVICE_TASKS
from portal.workflow import load_definitions


@commands.command()
@click.option("--migrations", is_flag=True, help="Compare the migrations with the entities instead, on a new database.")
def check(migrations: bool) -> None:  # noqa: FBT001 - a command-line switch
    """Say whether this installation is fit to run, a line for each thing looked at. Exits 1 when there is a fault."""
    if migrations:
        _check_migrations()
        return
    count = dict.fromkeys(Standing, 0)
    for finding in chain(readiness.findings(Settings.from_environment()), _trail(count)):
        click.echo(finding)
        count[finding.standing] += 1
    if count[Standing.FAULT]:
        raise click.ClickException(f"Not fit to run. To be mended: {count[Standing.FAULT]}.")
    click.echo(f"Fit to run. Warnings: {count[Standing.WARNING]}.")


def _trail(count: Mapping[Standing, int]) -> Iterator[Finding]:
    """Whether the trail is whole and every report as signed, where all else is as it must be for reading them."""
    if count[Standing.FAULT]:
        return
    with application() as app, app.app_context():
        broken = next(audit.broken_links(), None)
        unlike = next(chain(signatures.unlike_signed(), judgements.unlike_given()), None)
    if broken:
        yield fault("Audit trail", f"{broken.place}: {broken.why}.")
    else:
        yield fine("Audit trail", "Every chain is whole.")
    if unlike:
        yield fault("Signed reports", f"{unlike.place}: {unlike.why}.")
    else:
        yield fine("Signed reports", "Every report is as it was signed.")


def _check_migrations() -> None:
    found = schema.differences()
    for words in found:
        click.echo(words, err=True)
    if found:
        sys.exit(1)
    click.echo("The migrations make what the entities say.")


@commands.command(name="rotate-secret")
def rotate_secret() -> None:
    """Seal anew, with the secret key of now, what those of KLIMAKONTRAKT_SECRET_KEY_FALLBACKS sealed."""
    with application() as app, app.app_context(), transaction():
        done, lost = second_factors.reseal()
    click.echo(f"{done} secrets are sealed anew. The former keys can go in a day.")
    if lost:
        raise click.ClickException(f"No key opens {lost} more: their owners must set up their apps again.")


@commands.group()
def workflow() -> None:
    """The diagrams in workflows/."""


@workflow.command(name="check")
def check_workflows() -> None:
    """Read every diagram and decision table as a start would, and name what the engine would silently get wrong."""
    for name, definition in load_definitions(resources.WORKFLOWS, SERVICE_TASKS).items():
        click.echo(f"{name}: {definition.content_hash[:12]}")
