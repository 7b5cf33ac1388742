"""Filling in one section: the whole form with all its buttons, and one line at a time as it is typed."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from flask import flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from portal.errors import Conflict, Invalid, NotFound, Refused
from portal.extensions import transaction
from portal.kinds import Kind, Problem
from portal.model import Answer, Report, Section
from portal.operations import lookup
from portal.operations.contracts import contracts
from portal.operations.entry import drafts, lines
from portal.operations.entry.drafts import RawLine
from portal.operations.entry.lines import Clash, Removed
from portal.operations.lookup import NOT_HERE
from portal.operations.reports import reports
from portal.operations.reports.reports import Summary
from portal.permissions import Permission
from portal.text import Text
from portal.web.access import current_membership, is_htmx, requires
from portal.web.languages import current_language
from portal.web.reports import grid_rows, kind_forms, report_views, section_views
from portal.web.reports.kind_forms import SectionForm
from portal.web.reports.section_views import NOT_SAVED, collided, saved_words, section_page

REMOVED = "removed_line"
"""Under which name the browser's session keeps the line that was removed last, to be put back."""


@dataclass
class Wanted:
    """What a person asked for by the button they pressed, beside saving what they typed."""

    typed: dict[str, RawLine]
    """Name of the row -> its line."""
    removed: list[RawLine] = field(default_factory=list)
    confirmed: set[uuid.UUID] = field(default_factory=set)
    copies: bool = False
    attaches: uuid.UUID | None = None
    place: str = ""
    """Where on the page they were, for coming back."""

    @property
    def is_act(self) -> bool:
        """Whether it was a button among the lines, and not the one that saves."""
        return bool(self.place)

    @classmethod
    def of(cls, sent: Mapping[str, str], kind: Kind, typed: dict[str, RawLine]) -> "Wanted":
        """Read the button out of the form."""
        wanted = cls(dict(typed))
        button = next((name for name in _BUTTONS if name in sent), None)
        if button is not None:
            row = sent[button]
            wanted.place = row if row in typed else "lines"
            _BUTTONS[button](wanted, kind, row)
        return wanted


def _remove(wanted: Wanted, _kind: Kind, row: str) -> None:
    if row in wanted.typed:
        wanted.removed.append(wanted.typed.pop(row))
    wanted.place = "lines"


def _unused(wanted: Wanted, kind: Kind, row: str) -> None:
    if row in wanted.typed:
        line = wanted.typed[row]
        nothing = {each.key: "0" for each in lines.zeros(kind)}
        sources = {f"{key}_source": "" for key in nothing if f"{key}_source" in line.raw}
        wanted.typed[row] = replace(line, raw={**line.raw, **nothing, **sources})


def _confirm(wanted: Wanted, _kind: Kind, row: str) -> None:
    chosen = wanted.typed.values() if row == "all" else [wanted.typed[row]] if row in wanted.typed else []
    wanted.confirmed.update(line.key for line in chosen)


def _add(wanted: Wanted, _kind: Kind, _row: str) -> None:
    wanted.place = f"lines-{len(wanted.typed)}"
    wanted.typed[wanted.place] = RawLine(uuid.uuid4(), {})


def _copy(wanted: Wanted, _kind: Kind, _row: str) -> None:
    wanted.copies = True


def _attach(wanted: Wanted, _kind: Kind, row: str) -> None:
    wanted.attaches = wanted.typed[row].key if row in wanted.typed else None


_BUTTONS = {
    "remove": _remove,
    "unused": _unused,
    "confirm": _confirm,
    "add_row": _add,
    "copy": _copy,
    "attach": _attach,
}


# -- the whole form ----------------------------------------------------------------------------------------------------


@requires(Permission.REPORT_EDIT, Report)
def edit(report: Report, key: str) -> ResponseReturnValue:
    """The grid of one section. Everything typed is stored, wrong values too, and then judged."""
    section = section_of(report, key)
    kind = contracts.kind_of(report, key)
    form = SectionForm.of(kind)()
    if request.method == "GET":
        return _page(report, kind, form, section)
    wanted = Wanted.of(request.form, kind, form.raw_lines(kind))
    gone = lines.removal(report, key, wanted.removed[0]) if wanted.removed else None
    try:
        copied = _save(report, key, form, wanted)
    except (Conflict, Invalid) as refusal:
        return _shown_again(report, kind, form, wanted, refusal)
    _note_removal(report, key, gone)
    return _after_saving(report, kind, form, wanted, copied)


def _page(report: Report, kind: Kind, form: SectionForm, section: Section) -> ResponseReturnValue:
    if not report.is_editable:
        return redirect(url_for("reports.show", public_id=report.public_id), 303)
    form.version.data = section.version
    form.answer.data = section.answer or Answer.FILLED
    form.reason.data = section.reason
    said = _said(report, kind.key) if section.answer else None
    page = section_page(report, kind, form, drafts.rows_of(report, kind), said=said)
    return render_template("reports/edit.html", **page, removed=_removed(report, kind))


def _save(report: Report, key: str, form: SectionForm, wanted: Wanted) -> lines.Copied | None:
    by, seen = current_membership(), form.version.data or 0
    with transaction():
        if form.answer.data == Answer.NOTHING and not wanted.is_act:
            lines.answer_nothing(report, key, form.reason.data or "", by=by, answer_seen=seen)
            return None
        lines.save(
            report,
            key,
            list(wanted.typed.values()),
            by=by,
            answer_seen=seen,
            removed=wanted.removed,
            confirmed=wanted.confirmed,
        )
        return lines.copy_previous(report, key, by=by) if wanted.copies else None


def _after_saving(
    report: Report, kind: Kind, form: SectionForm, wanted: Wanted, copied: lines.Copied | None
) -> ResponseReturnValue:
    """On to where the person wanted, or the form again with what is wrong in it."""
    here: dict[str, Any] = {"public_id": report.public_id, "key": kind.key}
    if wanted.attaches is not None:
        return redirect(url_for("reports.attachments", **here, line=wanted.attaches), 303)
    if copied is not None:
        _tell_copied(copied)
    if wanted.is_act:
        return redirect(url_for("reports.edit", **here, back=_back(), _anchor=wanted.place), 303)
    found = reports.summary(report)
    part = next(each for each in report_views.parts(report, found) if each.kind.key == kind.key)
    if part.errors or is_htmx():
        # It is stored all the same: nothing that was typed is lost.
        return _stored(report, kind, form, wanted, _said_of(found, kind.key))
    flash(_("“%(part)s” is saved.", part=kind.title.to(current_language())), "success")
    if _back():
        return redirect(url_for("reports.check", public_id=report.public_id), 303)
    if part.missing:
        return redirect(url_for("reports.edit", **here), 303)
    return redirect(url_for("reports.show", public_id=report.public_id), 303)


def _back() -> str | None:
    """Where to go when the section is saved: to the check page, for whoever came from there."""
    return "check" if request.args.get("back") == "check" else None


def _stored(
    report: Report, kind: Kind, form: SectionForm, wanted: Wanted, said: Sequence[Problem]
) -> ResponseReturnValue:
    form.version.data = report.section(kind.key).version
    rows = drafts.rows_of(report, kind)
    if not is_htmx():
        page = section_page(report, kind, form, rows, said=said, failed=True, is_stored=True)
        return render_template("reports/edit.html", **page), 422
    failed = {row.key for row in rows if grid_rows.has_errors(row, said)}
    saved = {line.key: saved_words(report, has_errors=line.key in failed) for line in wanted.typed.values()}
    page = section_page(report, kind, form, rows, said=said, saved=saved, is_stored=True)
    return render_template("reports/_rows.html", **page), 422 if failed else 200


def _shown_again(
    report: Report, kind: Kind, form: SectionForm, wanted: Wanted, refusal: Conflict | Invalid
) -> ResponseReturnValue:
    """What was typed stays in the form; on a conflict the stored values stand beside it, until mine are saved again."""
    report = lookup.one(Report, report.public_id, current_membership())
    section = section_of(report, kind.key)
    form.version.data = section.version
    typed = [*wanted.typed.values(), *wanted.removed]
    saved = {line.key: NOT_SAVED.with_values(why=refusal.text) for line in typed if lines.is_touched(kind, line)}
    if isinstance(refusal, Conflict):
        clashing = refusal.lines if isinstance(refusal, Clash) else frozenset()
        words = refusal.text if clashing else _with_answer(refusal.text, section)
        rows, collision = collided(report, kind, words, typed, clashing)
        stored = {row.key: row for row in drafts.rows_of(report, kind)}
        theirs = {each: stored.get(each) for each in clashing}
        page = section_page(
            report, kind, form, rows, said=[], failed=True, collision=collision, clashing=theirs, saved=saved
        )
        return render_template(_template(), **page), 409
    said = [problem for problem in refusal.problems if isinstance(problem, Problem)]
    rows = drafts.rows_from(report, kind, typed)
    page = section_page(report, kind, form, rows, said=said, failed=True, saved=saved)
    return render_template(_template(), **page), 422


def _template() -> str:
    return "reports/_rows.html" if is_htmx() else "reports/edit.html"


def _with_answer(text: Text, section: Section) -> Text:
    answer = section_views.their_answer(section)
    return Text(f"{text.nb} {answer.nb}", f"{text.en} {answer.en}")


def _tell_copied(copied: lines.Copied) -> None:
    flash(
        ngettext(
            "%(num)d value is copied. Confirm each amount, or write what is right.",
            "%(num)d values are copied. Confirm each amount, or write what is right.",
            copied.values,
        ),
        "success" if copied.values else "info",
    )
    if copied.left_out:
        names = ", ".join(name.to(current_language()) for name in copied.left_out)
        flash(_("Not copied, because they are not on the contract in this period: %(names)s.", names=names), "info")
    if copied.marked:
        flash(
            _(
                "What you marked as trade secrets for %(period)s is marked here too.",
                period=copied.marked.period.to(current_language()),
            ),
            "info",
        )


def _said(report: Report, key: str) -> list[Problem]:
    """What the rules say of a section, and what is wrong with it as a whole."""
    return _said_of(reports.summary(report), key)


def _said_of(found: Summary, key: str) -> list[Problem]:
    state = next(state for state in found.sections if state.kind.key == key)
    whole = [problem for problem in state.problems if not problem.line or problem.rule == drafts.UNCONFIRMED]
    return [*whole, *found.assessment.problems[key]]


def section_of(report: Report, key: str) -> Section:
    """The section of one kind. Raises NotFound."""
    found = next((section for section in report.sections if section.kind == key), None)
    if found is None:
        raise NotFound(NOT_HERE)
    return found


# -- one line ----------------------------------------------------------------------------------------------------------


@requires(Permission.REPORT_EDIT, Report)
def save_line(report: Report, key: str, line: uuid.UUID) -> ResponseReturnValue:
    """Save one line as it is typed; the answer is its row, with what is said of it, and the new sums."""
    section_of(report, key)
    kind = contracts.kind_of(report, key)
    form = SectionForm.of(kind)()
    name, typed = next(((name, raw) for name, raw in form.raw_lines(kind).items() if raw.key == line), ("", None))
    if typed is None:
        return "", 204
    try:
        with transaction():
            lines.save(
                report,
                key,
                [typed],
                by=current_membership(),
                answer_seen=form.version.data or 0,
                confirmed={line} if "confirm" in request.form else (),
            )
    except (Conflict, Invalid, Refused) as refusal:
        return _line_refused(report, kind, (name, typed), refusal)
    if not is_htmx():
        return redirect(url_for("reports.edit", public_id=report.public_id, key=key, _anchor="lines"), 303)
    said = _said(report, key)
    rows = {row.key: row for row in drafts.rows_of(report, kind)}
    row = rows[line]
    failed = grid_rows.has_errors(row, said)
    beside = section_views.beside_lines(report, kind, said=said)
    beside = replace(beside, saved={line: saved_words(report, has_errors=failed)})
    shown = grid_rows.grid_row(kind, row, name.rpartition("-")[2], beside)
    return _row(report, kind, shown, rows.values()), 422 if failed else 200


def _line_refused(
    report: Report, kind: Kind, sent: tuple[str, RawLine], refusal: Conflict | Invalid | Refused
) -> ResponseReturnValue:
    """The row as it was typed, with why it is not saved and, where somebody was first, what they stored."""
    name, typed = sent
    report = lookup.one(Report, report.public_id, current_membership())
    clashing = refusal.lines if isinstance(refusal, Clash) else frozenset()
    is_answer = isinstance(refusal, Clash) and not clashing
    why = _with_answer(refusal.text, section_of(report, kind.key)) if is_answer else refusal.text
    stored = {row.key: row for row in drafts.rows_of(report, kind)}
    said = [each for each in refusal.problems if isinstance(each, Problem)] if isinstance(refusal, Invalid) else []
    beside = section_views.beside_lines(report, kind, said=said, clashing={each: stored.get(each) for each in clashing})
    beside = replace(beside, saved={typed.key: NOT_SAVED.with_values(why=why)}, refused={typed.key})
    (row,) = drafts.rows_from(report, kind, [typed])
    shown = grid_rows.grid_row(kind, row, name.rpartition("-")[2], beside)
    return _row(report, kind, shown, stored.values()), 409 if isinstance(refusal, Conflict) else 422


def _row(report: Report, kind: Kind, shown: Mapping[str, Any], rows: Iterable[drafts.DraftRow]) -> str:
    return render_template(
        "reports/_row.html",
        columns=kind_forms.grid_columns(kind),
        row=shown,
        totals=section_views.totals(kind, rows),
        version=section_of(report, kind.key).version,
    )


# -- removed, and put back ---------------------------------------------------------------------------------------------


@requires(Permission.REPORT_EDIT, Report)
def put_back(report: Report, key: str, line: uuid.UUID) -> ResponseReturnValue:
    """Undo: put the line back that was removed last."""
    section_of(report, key)
    kept = session.get(REMOVED)
    if not kept or (kept["report"], kept["kind"], kept["key"]) != (str(report.public_id), key, str(line)):
        raise NotFound(NOT_HERE)
    removed = Removed(line, kept["raw"], kept["position"], kept["unconfirmed"])
    with transaction():
        lines.put_back(report, key, removed, by=current_membership())
    del session[REMOVED]
    flash(_("The line is back."), "success")
    return redirect(url_for("reports.edit", public_id=report.public_id, key=key, _anchor="lines"), 303)


def _note_removal(report: Report, key: str, gone: Removed | None) -> None:
    if gone is not None:
        session[REMOVED] = {
            "report": str(report.public_id),
            "kind": key,
            "key": str(gone.key),
            "raw": dict(gone.raw),
            "position": gone.position,
            "unconfirmed": list(gone.unconfirmed),
        }
    elif REMOVED in session:
        del session[REMOVED]


def _removed(report: Report, kind: Kind) -> dict[str, object] | None:
    """The line that was just removed here: its name, and where it is put back."""
    kept = session.get(REMOVED)
    if not kept or (kept["report"], kept["kind"]) != (str(report.public_id), kind.key):
        return None
    named = kind_forms.naming(kind)
    name = kind.words(named.key, kind.read(kept["raw"]).values) if named else grid_rows.NOTHING
    place = {"public_id": report.public_id, "key": kind.key, "line": kept["key"]}
    return {"name": name, "url": url_for("reports.put_back", **place)}
