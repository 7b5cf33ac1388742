"""Everything that speaks HTTP: pages, their forms, who may open them, and what an error looks like."""

from flask import Flask

from portal.config import Settings
from portal.web import (
    costly,
    definitions,
    demo,
    errors,
    extensions,
    files,
    identity,
    languages,
    mail,
    operating,
    pages,
    security,
    trail,
    words,
)
from portal.web.api import views as api
from portal.web.cases import cases, decision_paper, outsiders, sanctions
from portal.web.contracts import (
    contract_imports,
    contract_life,
    contract_lists,
    contract_setup,
    contracts,
    interests,
    machines,
    requirements,
    sanction_clauses,
)
from portal.web.people import (
    account,
    acting,
    domains,
    invited,
    members,
    my_data,
    new_email,
    passkeys,
    providers,
    reset,
    second_factor,
    sights,
    sign_in,
    signing_out,
)
from portal.web.reports import (
    chasing,
    comments,
    exports,
    receipts,
    reports,
    reviews,
    rulings,
    sharing,
    signing,
    trade_secrets,
)

PARTS = (
    decision_paper,
    outsiders,
    receipts,
    signing,
    contract_setup,
    contract_lists,
    contract_life,
    contract_imports,
    interests,
    account,
    acting,
    my_data,
    providers,
    passkeys,
    second_factor,
    signing_out,
    invited,
    new_email,
    reset,
)
"""Pages that hang on the blueprint of another: it is enough that they are there."""

BLUEPRINTS = (
    pages.blueprint,
    operating.blueprint,
    sign_in.blueprint,
    languages.blueprint,
    demo.blueprint,
    reports.blueprint,
    sharing.blueprint,
    rulings.blueprint,
    trade_secrets.blueprint,
    reviews.blueprint,
    extensions.blueprint,
    chasing.blueprint,
    comments.blueprint,
    cases.blueprint,
    machines.blueprint,
    contracts.blueprint,
    requirements.blueprint,
    sanction_clauses.blueprint,
    sanctions.blueprint,
    definitions.blueprint,
    mail.blueprint,
    members.blueprint,
    files.blueprint,
    exports.blueprint,
    sights.blueprint,
    domains.blueprint,
    trail.blueprint,
    api.blueprint,
)


def init_app(app: Flask, settings: Settings) -> None:
    """Give the application its pages. Order matters: the writing transaction begins before anybody reads."""
    security.init_app(app, settings)
    identity.init_app(app, settings)
    words.init_app(app, settings)
    errors.init_app(app)
    costly.init_app(app, settings)
    operating.init_app(app, settings)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    providers.init_app(app)
    signing_out.init_app(app)
    api.init_app(app)
