"""Everything that speaks HTTP: pages, their forms, who may open them, and what an error looks like."""

from flask import Flask

from portal.config import Settings
from portal.web import (
    accounts,
    cases,
    contracts,
    definitions,
    errors,
    exports,
    files,
    machines,
    mail,
    pages,
    reports,
    reviews,
    security,
    sharing,
    words,
)

BLUEPRINTS = (
    pages.blueprint,
    accounts.blueprint,
    reports.blueprint,
    sharing.blueprint,
    reviews.blueprint,
    cases.blueprint,
    machines.blueprint,
    contracts.blueprint,
    definitions.blueprint,
    mail.blueprint,
    files.blueprint,
    exports.blueprint,
)


def init_app(app: Flask, settings: Settings) -> None:
    """Give the application its pages. Order matters: the writing transaction begins before anybody reads."""
    security.init_app(app, settings)
    accounts.init_app(app, settings)
    words.init_app(app, settings)
    errors.init_app(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
