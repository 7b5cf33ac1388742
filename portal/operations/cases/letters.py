"""The words of a formal notice, from the facts of the case, and what its clause may cost."""

import uuid
from collections.abc import Sequence
from contextlib import suppress
from decimal import Decimal
from typing import NamedTuple

from flask_babel import get_locale
from flask_babel import gettext as _
from sqlalchemy import select

from portal.amounts import Sheet
from portal.errors import Refused
from portal.extensions import db
from portal.kinds import Kind, Line
from portal.model import (
    DUTIES_TO_FILE,
    ClauseCounts,
    ClauseForm,
    Contract,
    Deviation,
    NoticeStart,
    Report,
    SanctionClause,
)
from portal.operations.cases import breach_days, calculations, clauses, deviations, ladder, told
from portal.operations.contracts import contracts
from portal.operations.figures import figures, stretches
from portal.quantities import shown
from portal.text import Text

IN_PERIOD = Text("{period}: {line}", "{period}: {line}")


class Cost(NamedTuple):
    """What a breach may cost: what its clause says in words, and what it comes to as the case stands today."""

    clause: SanctionClause
    words: Text
    breaches: int
    step: str
    sheet: Sheet | None
    """The calculation if nothing more happens; None when the clause lacks its base, or the days their end."""
    counts_once: bool = False
    """Whether a fee for each line counts once all the same: the requirement is about the report as a whole."""

    per_day: Decimal | None = None
    """What each day costs, where nobody knows yet which one is the last: then there is no sum."""

    @property
    def amount(self) -> Decimal | None:
        """What it comes to today."""
        return self.sheet.amount if self.sheet else None


class NamedLine(NamedTuple):
    """A reported line in words: what it is called, and what it says."""

    name: Text
    said: Text
    key: str
    """As `calculations.line_key` has it."""


class Claim(NamedTuple):
    """One point of a notice before it is given: its text, and the key of the line that it was drafted for, if any."""

    text: str
    line: str | None = None


def notice_draft(deviation: Deviation) -> str:
    """A formal notice to begin from, in the writer's language: clause, what may follow, how to answer.

    What is claimed stands beneath it, point by point: see `points_draft`.
    """
    language = _language()
    contract = deviation.contract
    about = _(
        "This concerns contract %(reference)s, %(title)s, between %(buyer)s and %(supplier)s, "
        "and the report for %(period)s.",
        reference=contract.reference,
        title=contract.title,
        buyer=contract.buyer.name,
        supplier=contract.supplier.name,
        period=deviations.period_text(deviation.report).to(language),
    )
    paragraphs = [
        [_("Notice of breach of contract, clause %(clause)s", clause=deviation.clause)],
        [about],
        [_("What may follow"), *_consequences(deviation, language)],
        [_("How to reply"), deadline_sentence(contract, contract.reply_working_days), _how()],
    ]
    return "\n\n".join("\n".join(lines) for lines in paragraphs)


def points_draft(deviation: Deviation) -> list[Claim]:
    """What the notice claims, in the writer's language: the breach, or each line that breaks by itself."""
    language = _language()
    found = Text.load(deviation.sentence).to(language)
    if not breaks_by_line(deviation):
        return [Claim(found)]
    return [
        Claim(f"{found} {line.name.to(language)}: {line.said.to(language)}", line.key)
        for line in lines_behind(deviation)
    ] or [Claim(found)]


def claims(deviation: Deviation, points: Sequence[Claim] | None) -> list[Claim]:
    """The points to be given, each about a line of the case only where that is one, and no line twice."""
    drafted = points_draft(deviation)
    left = {claim.line for claim in drafted if claim.line}
    given = []
    for text, line in drafted if points is None else points:
        if text.strip():
            given.append(Claim(text.strip(), line if line in left else None))
            left.discard(line)
    return given


def deadline_sentence(contract: Contract, working_days: int) -> str:
    """The sentence of the draft that names the time to reply, and from when the contract has it run."""
    days = working_days
    if contract.notice_starts == NoticeStart.OPENED:
        return str(_("You have %(days)s working days to reply, counted from when you first open the case.", days=days))
    if contract.notice_starts == NoticeStart.DEEMED:
        after = contract.deemed_working_days
        sentence = _(
            "You have %(days)s working days to reply, counted from %(after)s working days after this notice is sent.",
            days=days,
            after=after,
        )
        return str(sentence)
    return str(_("You have %(days)s working days to reply, counted from when you receive this notice.", days=days))


def with_deadline(text: str, contract: Contract, working_days: int) -> str:
    """A notice whose sentence on the time to reply says `working_days` where the draft said the contract's own."""
    drafted = deadline_sentence(contract, contract.reply_working_days)
    return text.replace(drafted, deadline_sentence(contract, working_days))


def may_cost(deviation: Deviation, *, as_weighed: bool = False) -> Cost | None:
    """What a sanction for this breach may come to; None when the contract has no clause for it.

    `as_weighed`: without the lines whose point was dropped, which is the buyer's own until the supplier is told.
    """
    clause = told.clause_of(deviation)
    if clause is None:
        return None
    as_weighed = as_weighed or told.of_weighings(deviation)
    step, read_at = ladder.step_of(deviation, clause), told.told_at(deviation)
    sheet, per_day = None, None
    with suppress(Refused):
        if calculations.lacks_end(deviation, clause):
            read_at, per_day = min(calculations.per_days(deviation, clause).items(), key=lambda each: each[1])
        else:
            made = calculations.today_by_reading(deviation, clause, as_weighed=as_weighed)
            read_at, sheet = min(made.items(), key=lambda each: each[1].amount)
    words = clauses.in_words(clause, breach_days.judged_until(deviation), read_at)
    counted = calculations.breaches if as_weighed else calculations.notified
    breaches = counted(deviation) if clause.counts == ClauseCounts.LINE else 1
    counts_once = clause.form == ClauseForm.FEE and clause.counts == ClauseCounts.LINE and not breaks_by_line(deviation)
    return Cost(clause, words, breaches, step, sheet, counts_once, per_day)


def threshold(deviation: Deviation) -> Text | None:
    """What the requirement asks for, in words: «20 %», «steg IIIB»; None for the duty to report."""
    kind = _kind(deviation)
    last_day = breach_days.judged_until(deviation)
    return figures.threshold_in_words(kind, deviation.requirement, last_day) if kind else None


def breaks_by_line(deviation: Deviation) -> bool:
    """Whether each line behind the deviation breaks the requirement by itself, and not only makes up its figure."""
    kind = _kind(deviation)
    return kind is not None and kind.indicator(deviation.requirement.indicator).breaks_by_line


def lines_behind(deviation: Deviation) -> list[NamedLine]:
    """The lines that the deviation rests on, as they stood in the revision, or revisions, that it was found in."""
    kind, facts = _kind(deviation), deviation.facts
    if kind is None:
        return []
    if "lines_in" not in facts:
        return _lines_of(deviation.report, kind, facts.get("revision"), set(facts.get("lines", ())))
    numbers = [uuid.UUID(each["report"]) for each in facts["lines_in"]]
    rows = select(Report).where(Report.contract_id == deviation.contract_id, Report.public_id.in_(numbers))
    reports = {str(report.public_id): report for report in db.session.scalars(rows).unique()}
    return [
        NamedLine(
            IN_PERIOD.with_values(period=reports[each["report"]].period.name, line=line.name),
            line.said,
            calculations.line_key(each["report"], line.key),
        )
        for each in facts["lines_in"]
        for line in _lines_of(reports[each["report"]], kind, each["revision"], set(each["lines"]))
    ]


def _lines_of(report: Report, kind: Kind, number: int | None, wanted: set[str]) -> list[NamedLine]:
    revision = next((each for each in report.revisions if each.number == number), None)
    lines = [Line(str(line.key), line.values) for line in revision.lines_of(kind.key)] if revision else []
    return [
        NamedLine(kind.line_name(line, place), kind.line_words(line), line.key)
        for place, line in enumerate(lines, start=1)
        if line.key in wanted
    ]


def _consequences(deviation: Deviation, language: str) -> list[str]:
    cost = may_cost(deviation)
    if cost is None:
        return [_("The contract has no sanction clause for this requirement. The breach is registered.")]
    clause, currency = cost.clause, deviation.contract.currency
    if clause.form == ClauseForm.DAILY:
        named = _("Clause %(clause)s:", clause=clause.clause)
        return [
            f"{named} {cost.words.to(language)}",
            _("The clause reads: %(wording)s", wording=clause.wording),
        ]
    fee = shown(calculations.rate_of(deviation, clause), language)
    words = {"clause": clause.clause, "fee": f"{fee} {currency}"}
    if clause.counts == ClauseCounts.LINE:
        said = [_("Under clause %(clause)s a breach costs %(fee)s for each line in breach.", **words)]
        if cost.breaches > 1 and cost.amount:
            total = f"{shown(cost.amount, language)} {currency}"
            said.append(_("With %(count)s lines that is %(total)s.", count=cost.breaches, total=total))
        if cost.counts_once:
            said.append(_("This requirement is about the report as a whole, so the breach counts once."))
    else:
        said = [_("Under clause %(clause)s a breach costs %(fee)s for the period.", **words)]
    if clause.warns_first:
        said.append(_("The first time the sanction is a written warning."))
    return [" ".join(said), _("The clause reads: %(wording)s", wording=clause.wording)]


def _how() -> str:
    return str(
        _(
            "Say of each point whether you agree, why it happened, and what you have done or will do to put it right. "
            "Attach what documents it. Sign in to Klimakontrakt, open the case and write your reply there. "
            "We read the reply before anything is decided."
        )
    )


def _kind(deviation: Deviation) -> Kind | None:
    duty = deviation.requirement
    if duty.indicator in DUTIES_TO_FILE:
        return None
    return stretches.describing(contracts.kind_of(deviation.report, duty.kind), duty)


def _language() -> str:
    locale = get_locale()
    return str(locale.language) if locale else "nb"
