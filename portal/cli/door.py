"""The command itself, and what every command begins with."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
from flask import Flask

from portal import jobs, schema, tenancy, tracing
from portal.application import create_app
from portal.config import BadSetting, Settings
from portal.errors import BadDefinition, PortalError
from portal.extensions import db, parts

REFUSALS = (
    PortalError,
    jobs.JobsError,
    BadDefinition,
    BadSetting,
    schema.NotMigrated,
    schema.OutOfReach,
    schema.WrongRole,
    tenancy.NotTheWorker,
)
LONGEST_NAME = 200


class Door(click.Group):
    """The command: what the domain, a setting or the database refuses is said in one line."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was asked for."""
        try:
            with tracing.request():
                return super().invoke(ctx)
        except REFUSALS as refusal:
            raise click.ClickException(str(refusal)) from refusal


@click.group(cls=Door)
def commands() -> None:
    """Klimakontrakt: from clause to settled sanction."""


@contextmanager
def application(*, works: bool | None = None) -> Iterator[Flask]:
    """The application on a database that is as this release needs it; let go of afterwards.

    `works` says, of one that others reach, whether the worker is inside: then its role must be fit for that.
    """
    settings = Settings.from_environment()
    schema.demand_current(settings)
    if works is not None:
        schema.demand_role(settings, works=works)
    app = create_app(settings)
    try:
        yield app
    finally:
        with app.app_context():
            parts().jobs.close()
            db.engine.dispose()


def name_of(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """A name that is one: neither empty nor longer than there is room for."""
    tidy = " ".join(value.split()) if value is not None else None
    if tidy is not None and not 0 < len(tidy) <= LONGEST_NAME:
        raise click.BadParameter(f"write a name of at most {LONGEST_NAME} characters.")
    return tidy
