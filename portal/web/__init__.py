"""Everything that speaks HTTP: pages, their forms, who may open them, and what an error looks like."""

from flask import Flask

from portal.config import Settings
from portal.web import (
    accounts,
    cases,
    comments,
    contracts,
    definitions,
    demo,
    errors,
    exports,
    files,
    machines,
    mail,
    pages,
    receipts,
    reports,
    reviews,
    security,
    sharing,
    signing,
    words,
)

PARTS = (receipts, signing)
"""Pages that hang on the blueprint of another: it is enough that they are there."""

BLUEPRINTS = (
    pages.blueprint,
    accounts.blueprint,
    demo.blueprint,
    reports.blueprint,
    sharing.blueprint,
    reviews.blueprint,
    comments.blueprint,
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
