"""Putting the application together: the one place that knows all its parts."""

from collections.abc import Mapping

from flask import Flask, has_app_context

from portal import providers, resources, web
from portal.config import Settings
from portal.extensions import Parts, db, is_writing, prepare_engine
from portal.files import Store
from portal.jobs import Handler, Jobs
from portal.maskinporten import Gate
from portal.openid import Client
from portal.operations.people import identities
from portal.operations.service_tasks import SERVICE_TASKS
from portal.outgoing import Outgoing
from portal.post import Post
from portal.scanning import Scanner
from portal.work import HANDLERS, SCHEDULES
from portal.workflow import Engine, load_definitions

LARGEST_UPLOAD = 20 * 1024 * 1024
LARGEST_FORM = 8 * 1024 * 1024
"""Of fields that are no files: a grid of twenty thousand of them has two."""
MOST_FORM_PARTS = 20_000


def create_app(settings: Settings | None = None) -> Flask:
    """The WSGI application for these settings, or for those of the environment."""
    settings = settings or Settings.from_environment()
    settings.instance.mkdir(parents=True, exist_ok=True)
    app = Flask(
        "portal",
        template_folder=str(resources.TEMPLATES),
        static_folder=str(resources.STATIC),
        instance_path=str(settings.instance),
    )
    app.config.update(_configuration(settings))
    db.init_app(app)
    with app.app_context():
        prepare_engine(db.engine)
    outgoing = Outgoing(settings.outgoing_allowed)
    app.extensions["klimakontrakt"] = Parts(
        settings=settings,
        engine=Engine(load_definitions(resources.WORKFLOWS, SERVICE_TASKS), SERVICE_TASKS),
        jobs=_jobs(app, settings),
        store=Store(settings.files_url, Scanner(settings.scanner_url).look),
        post=Post(settings.mail_url, settings.mail_sender),
        outgoing=outgoing,
        gate=_gate(settings, outgoing),
        providers=_providers(settings, outgoing),
    )
    web.init_app(app, settings)
    return app


def _configuration(settings: Settings) -> Mapping[str, object]:
    return {
        "SECRET_KEY": settings.secret_key,
        "SECRET_KEY_FALLBACKS": list(settings.secret_key_fallbacks),
        "TESTING": settings.testing,
        "SQLALCHEMY_DATABASE_URI": settings.database_url,
        "SQLALCHEMY_ENGINE_OPTIONS": {
            "pool_pre_ping": not settings.is_sqlite,
            "hide_parameters": True,  # what somebody typed stands in no error, and so in no log
        },
        "MAX_CONTENT_LENGTH": LARGEST_UPLOAD,
        "MAX_FORM_MEMORY_SIZE": LARGEST_FORM,
        "MAX_FORM_PARTS": MOST_FORM_PARTS,
    }


def _gate(settings: Settings, outgoing: Outgoing) -> Gate | None:
    issuer = providers.read_issuer(settings)
    return Gate(issuer, outgoing) if issuer else None


def _providers(settings: Settings, outgoing: Outgoing) -> Mapping[str, Client]:
    known = providers.read(settings)
    identities.demand_known_roles(known.values())
    return {key: Client(provider, outgoing) for key, provider in known.items()}


def _jobs(app: Flask, settings: Settings) -> Jobs:
    def in_context(name: str) -> Handler:
        def handle(payload: Mapping[str, object]) -> None:
            with app.app_context():
                HANDLERS[name](payload)

        return handle

    def writing() -> bool:
        return has_app_context() and db.session.registry.has() and is_writing()

    return Jobs(settings, {name: in_context(name) for name in HANDLERS}, SCHEDULES, is_writing=writing)
