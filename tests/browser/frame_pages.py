"""Pages made only of the frame and its macros, so that these can be tried without a database.

Texts are long and Norwegian on purpose: that is what must fit.
"""

from decimal import Decimal
from pathlib import Path

from flask import Flask, Response, flash, render_template, request
from flask_babel import Babel
from jinja2 import FileSystemLoader
from wtforms import BooleanField, FileField, Form, FormField, RadioField, SelectField, StringField, TextAreaField
from wtforms.fields import SelectChoice  # type: ignore[attr-defined]  # newer than the stubs
from wtforms.validators import InputRequired, Optional

from portal import clock, resources
from portal.quantities import shown
from portal.text import Text
from portal.web.words import short_day

PAGES = Path(__file__).with_name("pages")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

GRID_COLUMNS = [
    {
        "name": "fuel",
        "label": "Energi",
        "type": "choice",
        "choices": [("", "Velg"), ("hvo", "HVO100"), ("el", "Elektrisitet")],
    },
    {"name": "hours", "label": "Driftstimer", "unit": "t", "type": "number"},
    {"name": "amount", "label": "Forbruk", "unit": "liter", "type": "number", "hint": "påfylt på byggeplassen"},
]


class Part(Form):
    """A form inside the form."""

    weight = StringField("Vekt", [InputRequired("Vekt må fylles ut")])


class FuelForm(Form):
    """One field of each sort."""

    how = RadioField(
        "Hvordan vil du rapportere?",
        choices=[SelectChoice("form", "I skjemaet"), SelectChoice("aemp", "Fra telematikk")],
    )
    fuel = SelectField("Drivstoff", choices=[SelectChoice("hvo", "HVO100"), SelectChoice("b7", "Diesel B7")])
    amount = StringField("Mengde", [InputRequired("Mengde må fylles ut, for eksempel 1 840,5")])
    comment = TextAreaField("Kommentar", [Optional()])
    evidence = FileField("Dokumentasjon", [Optional()])
    sure = BooleanField("Tallene er fullstendige for perioden")
    part = FormField(Part)


def frame_application() -> Flask:
    """The pages /form, /lists, /grid and /error/<code>, with the policy that the portal is served under."""
    app = Flask("frame", static_folder=str(resources.STATIC))
    app.jinja_options = {
        "loader": FileSystemLoader([resources.TEMPLATES, PAGES]),
        "trim_blocks": True,
        "lstrip_blocks": True,
    }
    app.secret_key = "for flashes only"
    Babel(app, locale_selector=lambda: request.args.get("lang", "nb"), timezone_selector=lambda: "Europe/Oslo")
    app.add_template_filter(lambda text: text.to("nb") if isinstance(text, Text) else text, "words")
    app.add_template_filter(lambda number, decimals=None: shown(number, "nb", decimals), "shown")
    app.add_template_filter(short_day, "short_day")
    app.context_processor(_frame)
    app.after_request(_policed)
    app.add_url_rule("/form", view_func=_form, methods=["GET", "POST"])
    app.add_url_rule("/lists", view_func=_lists)
    app.add_url_rule("/grid", view_func=_grid, methods=["GET", "POST"])
    app.add_url_rule("/error/<int:code>", view_func=_error)
    return app


def _frame() -> dict[str, object]:
    places = [("Rapporter", "/form", 2), ("Kontrollkø", "/lists", 0), ("Maskiner", "/grid", 0)]
    return {
        "language": "nb",
        "languages": [{"code": "en", "name": "English", "url": "?lang=en"}],
        "nav": [
            {"label": name, "url": url, "count": count, "current": url == request.path} for name, url, count in places
        ],
        "own_house": [
            {"label": "Personer", "url": "/form", "current": False},
            {"label": "Oppdiktet utgående post", "url": "/lists", "current": request.path == "/lists"},
        ],
        "current_person": {"name": "Kari Eksempel"},
        "acting_for": {"name": "Oppdiktet Fjelldal Graving og Sprengning AS", "role": "daglig leder"},
        "switch_url": "/form",
        "sign_out_url": "/form",
        "accessibility_url": "/form",
        "is_demo": True,
        "demo_url": "/form",
    }


def _policed(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = POLICY
    return response


def _form() -> tuple[str, int]:
    form = FuelForm(request.form)
    if request.method == "POST" and not form.validate():
        return render_template("form.html", form=form, unit=Text("liter", "litres")), 422
    flash("Utkastet er lagret.", "success")
    return render_template("form.html", form=form, unit=Text("liter", "litres")), 200


def _lists() -> str:
    return render_template("lists.html", one=Decimal("1248.45"), share=Decimal("-0.031"), moment=clock.now())


def _grid() -> str | Response:
    if request.method == "POST":
        return Response(
            "\n".join(f"{name}={value}" for name, value in sorted(request.form.items())), mimetype="text/plain"
        )
    refused: dict[str, object] = {
        "fuel": {"value": "hvo", "errors": ["HVO100 er ikke tillatt i kontrakten."]},
        "hours": {"value": "9", "locked": True, "warnings": ["Timene er 90 % lavere enn i august."]},
    }
    rows = [_row(0), _row(1, **refused), _row(2)]
    blank = {"id": "lines-__new__", "label": "Ny maskin", "cells": {}}
    return render_template("grid.html", columns=GRID_COLUMNS, rows=rows, blank=blank)


def _row(number: int, **cells: object) -> dict[str, object]:
    return {
        "id": f"lines-{number}",
        "label": f"Gravemaskin {number}",
        "version": 1,
        "state": "Lagret 14.07",
        "actions": [{"name": "unused", "value": str(number), "label": "Ikke brukt i perioden"}],
        "cells": {"fuel": {"value": "hvo"}, "hours": {"value": "148,5", "hint": "aug. 162"}, "amount": {}} | cells,
    }


def _error(code: int) -> tuple[str, int]:
    return render_template(f"errors/{code}.html", reference="4f2a-91c0"), code
