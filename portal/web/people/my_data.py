"""What the portal keeps of oneself: told on a page, and taken out as a file."""

import json
from collections.abc import Iterator
from io import BytesIO

from flask import render_template, send_file
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.model.personal import REGISTER
from portal.operations.people import own_data
from portal.operations.people.own_data import Values
from portal.sheets.export import Column, Properties, Sheet, Value, write_workbook
from portal.web import trail_words
from portal.web.access import current_person, signed_in
from portal.web.confirmation import confirmed
from portal.web.costly import costly
from portal.web.people.sign_in import blueprint
from portal.web.reading import reads

EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@blueprint.get("/account/my-data")
@signed_in("It shows what is kept of oneself only.")
@reads("my_data")
def my_data() -> ResponseReturnValue:
    """What is kept of one, in short, with the ways to take all of it out."""
    person = current_person()
    found = own_data.collected(person)
    kept = [(trail_words.table(name), len(rows), sorted(_why(name))) for name, rows in found.items()]
    return render_template("people/my_data.html", kept=sorted(kept), organisations=own_data.organisations(person))


@blueprint.route("/account/my-data.json", methods=["GET", "POST"])
@signed_in("It holds what is kept of oneself only.")
@confirmed
@costly
@reads("my_data")
def my_data_json() -> ResponseReturnValue:
    """All of it, for a program."""
    content = json.dumps(own_data.collected(current_person()), ensure_ascii=False, indent=2)
    return send_file(
        BytesIO(content.encode()), mimetype="application/json", as_attachment=True, download_name="my-data.json"
    )


@blueprint.route("/account/my-data.xlsx", methods=["GET", "POST"])
@signed_in("It holds what is kept of oneself only.")
@confirmed
@costly
@reads("my_data")
def my_data_workbook() -> ResponseReturnValue:
    """All of it, a sheet for each table."""
    sheets = (_sheet(name, rows) for name, rows in own_data.collected(current_person()).items())
    content = write_workbook(sheets, Properties(_("What is kept of me")))
    return send_file(BytesIO(content), mimetype=EXCEL, as_attachment=True, download_name="my-data.xlsx")


def _sheet(name: str, rows: list[Values]) -> Sheet:
    columns = list(rows[0])
    told = (Column(trail_words.column(each)) for each in columns)
    return Sheet(trail_words.table(name), tuple(told), ([_cell(row[each]) for each in columns] for row in rows))


def _cell(value: object) -> Value:
    return None if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _why(table: str) -> Iterator[str]:
    """How long what is personal in a table is kept, in words."""
    yield from {str(trail_words.KEPT[datum.kept]) for place, datum in REGISTER.items() if place.startswith(f"{table}.")}
