"""What makes a sanction lawful, in one list: asked by whoever proposes, by the decision table, by whoever approves.

The database holds the same list as far as it can (`portal/model/guards.py`).
Who may decide: `impartiality.may_approve`.
"""

from collections.abc import Iterator
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

from portal import calendars, clock
from portal.amounts import with_currency
from portal.errors import Refused
from portal.model import (
    Cause,
    ClauseForm,
    Deviation,
    Notice,
    NoticeStart,
    SanctionClause,
    SanctionState,
    Verdict,
)
from portal.model.sanctions import IN_FORCE as DECIDED
from portal.operations.cases import (
    breach_days,
    calculations,
    deviations,
    dropped_points,
    gone,
    judged_next,
    ladder,
    told,
)
from portal.text import Text, same

NO_CLAUSE = Text(
    "Kontrakten har ingen sanksjonsbestemmelse for dette kravet. Uten bestemmelse kan det ikke foreslås sanksjon.",
    "The contract has no sanction clause for this requirement. Without a clause no sanction can be proposed.",
)
NO_CLAUSE_TOLD = Text(
    "Da varselet ble skrevet, hadde kontrakten ingen sanksjonsbestemmelse for dette kravet. En bestemmelse som er lagt "
    "inn senere, gjelder ikke denne saken.",
    "When the notice was written, the contract had no sanction clause for this requirement. A clause that was entered "
    "later does not apply to this case.",
)
CLAUSE_NOT_TOLD = Text(
    "Bestemmelsen i punkt {clause} er lagt inn etter at varselet ble skrevet, og gjelder ikke denne saken.",
    "Clause {clause} was entered after the notice was written, and does not apply to this case.",
)
NOT_HEARD = Text(
    "Leverandøren må ha fått varselet og tid til å svare før det kan foreslås sanksjon.",
    "The supplier must have received the notice and had time to reply before a sanction can be proposed.",
)
GONE = Text(
    "Det som gjelder nå, viser ikke lenger bruddet. Avslutt saken, eller vent til bruddet vises igjen.",
    "What is in force now no longer shows the breach. Close the case, or wait until the breach is shown again.",
)
NOTHING_UPHELD = Text(
    "Ingen av punktene i varselet er opprettholdt. Uten det kan det ikke foreslås sanksjon.",
    "None of the points of the notice is upheld. Without that no sanction can be proposed.",
)
NOT_IN_FORCE = Text(
    "Kravet gjaldt ikke {day}, dagen det er vurdert etter: det er endret siden. Avslutt saken.",
    "The requirement was not in force on {day}, by which it was judged: it was changed since. Close the case.",
)
NOT_NAMED = Text(
    "Varselet sier ikke noe om noen av linjene som bryter kravet nå, og leverandøren har ikke kunnet svare på dem. "
    "Avslutt saken.",
    "The notice says nothing of any of the lines that break the requirement now, and the supplier could not answer for "
    "them. Close the case.",
)
ALL_DROPPED = Text(
    "Punktene om de linjene som bryter kravet nå, er frafalt. Avslutt saken.",
    "The points about the lines that break the requirement now are dropped. Close the case.",
)
NO_END = Text(
    "Bestemmelsen i punkt {clause} regner per dag, og ingen vet ennå når bruddet tok slutt. Noter den siste dagen med "
    "brudd på saken, eller vent til neste periode er vurdert.",
    "Clause {clause} counts by the day, and nobody knows yet when the breach ended. Note the last day of the breach on "
    "the case, or wait until the next period has been judged.",
)
TO_REVIEW = Text(
    "Rapporten for {period} er levert og ikke kontrollert. Det den viser, kan avslutte bruddet før {day}, som er "
    "notert. Kontroller rapporten først.",
    "The report for {period} has come and is not reviewed. What it shows may end the breach before {day}, which was "
    "noted. Review the report first.",
)

CLAUSE_SAID = Text("Kontrakten har en bestemmelse: punkt {clause}.", "The contract has a clause for it: {clause}.")
GIVEN = Text("Varselet regnes som gitt {day}.", "The notice counts as given on {day}.")
DECLARED = Text(
    "Leverandøren har sagt at svaret er ferdig, {day}.", "The supplier said on {day} that its reply was complete."
)
OVER = Text("Fristen for å svare gikk ut {day}.", "The time to reply was over on {day}.")
UPHELD = Text(
    "{upheld} av {all} punkter er opprettholdt, helt eller delvis.",
    "{upheld} of {all} points are upheld, wholly or partly.",
)
SHOWN = Text("Tallene som gjelder, viser bruddet.", "The figures in force show the breach.")
IN_FORCE = Text("Kravet gjaldt {day}, dagen det er vurdert etter.", "The requirement was in force on {day}.")
NAMED = Text("Bruddet er det som varselet sa.", "The breach is the one that the notice said.")
NAMED_LINES = Text(
    "Varselet dekker {told} av {now} brudd i tallene som gjelder.",
    "The notice covers {told} of {now} breaches in the figures in force.",
)
STILL_OPEN = Text("Bruddet er slik det ble funnet.", "The breach is as it was found.")
NOT_BY_DAY = Text(
    "Beløpet avhenger ikke av når bruddet tok slutt.", "The amount does not depend on when the breach ended."
)
UNTIL_FILED = Text("Dagene regnes til rapporten kom.", "The days are counted until the report came.")
NO_DAYS_YET = Text("Ingen dag er for sen før fristen for rettingen.", "No day is late before the correction is due.")
ENDED = Text("Siste dag som regnes: {day} ({why}).", "Last day counted: {day} ({why}).")

NOTICE_LATE = Text(
    "Varselet kom for sent: det ble sendt {sent}, og kontraktens frist var {due}, regnet fra {known}, da "
    "oppdragsgiveren fikk vite om bruddet. Vurder hva det betyr for kravet.",
    "The notice was late: it was sent on {sent}, and the contract's deadline was {due}, counted from {known}, when the "
    "buyer knew of the breach. Consider what that means for the claim.",
)
OTHER_CLAUSE = Text(
    "Etter at varselet ble skrevet, {told}, er det lagt inn en bestemmelse for kravet i punkt {now}: {other}. Saken "
    "følger punkt {before}, som gjaldt da: {this}.",
    "After the notice was written, on {told}, a clause for the requirement was entered, {now}: {other}. The case goes "
    "by clause {before}, which applied then: {this}.",
)
AS_TOLD = Text(
    "Etter at varselet ble skrevet, {told}, er satsen eller grunnlaget endret. Som varslet gir bestemmelsen {before}, "
    "nå {now}{day}. Det laveste gjelder.",
    "After the notice was written, on {told}, the rate or the base was changed. As notified the clause gives {before}, "
    "now {now}{day}. The lower one holds.",
)
A_DAY = Text(" om dagen", " a day")
A_SUM = Text("{amount}{day}", "{amount}{day}")
NO_SUM = Text("beløpet kan ikke beregnes", "the amount cannot be computed")
NOTED_LATE = Text(
    "Varselet ble overlevert {served} ({how}), men det ble ikke notert før {noted}. Tiden til å svare er regnet fra "
    "da. Se om overleveringen er dokumentert.",
    "The notice was handed over on {served} ({how}), but that was not noted before {noted}. The time to reply is "
    "counted from then. See whether there is proof of it.",
)
SAID_SINCE = Text(
    "Leverandøren har skrevet mer etter at punktene ble vurdert. De må vurderes på nytt før sanksjonen kan avgjøres.",
    "The supplier has written more since the points were weighed. They must be weighed anew before it can be approved.",
)
MORE_THAN_NOTIFIED = Text(
    "Tallene som gjelder nå, viser {now} brudd. Varselet dekker {told} av dem, og sanksjonen gjelder bare de.",
    "The figures in force now show {now} breaches. The notice covers {told} of them, and a sanction only those.",
)
_STANDING = DECIDED | {SanctionState.PROPOSED}
"""States of a sanction whose calculation holds; what was sent back or withdrawn is calculated again."""


class Ground(NamedTuple):
    """One thing that a sanction must stand on: its name for the decision table, and whether it is there."""

    key: str
    holds: bool
    said: Text
    lacking: Text

    @property
    def words(self) -> Text:
        """What the second person reads."""
        return self.said if self.holds else self.lacking


def of(deviation: Deviation, clause: SanctionClause | None) -> list[Ground]:
    """The whole list, in the order in which people ask."""
    if clause is None:
        words = NO_CLAUSE_TOLD if lacked_clause(deviation) else NO_CLAUSE
        return [Ground("clause", holds=False, said=words, lacking=words)]
    return [
        _clause(deviation, clause),
        _in_force(deviation),
        _notice(deviation),
        _heard(deviation),
        _upheld(deviation),
        _notified(deviation),
        _stands(deviation),
        _ended(deviation, clause),
    ]


def lacked_clause(deviation: Deviation) -> bool:
    """Whether the only clause there is was entered after the notice was written."""
    return told.clause_of(deviation) is None and deviation.contract.clause_for(deviation.requirement) is not None


def demand(deviation: Deviation, clause: SanctionClause | None) -> None:
    """Refuse, with words that say what is lacking."""
    for ground in of(deviation, clause):
        if not ground.holds:
            raise Refused(ground.lacking)


def remarks(deviation: Deviation) -> list[Text]:
    """What stands in the way of no sanction, and yet is to be seen by whoever proposes or approves one."""
    found = [*_late_notice(deviation), *_noted_late(deviation), *gone.unheard(deviation), *_still_missing(deviation)]
    found += [*_changed_since(deviation), *dropped_points.remarks(deviation)]
    return [*found, *_said_since(deviation), *beyond_notice(deviation)]


def beyond_notice(deviation: Deviation) -> list[Text]:
    """That the figures show more than the supplier was told of, where they do."""
    now, notified = int(deviation.facts["breaches"]), calculations.notified(deviation)
    return [MORE_THAN_NOTIFIED.with_values(now=now, told=notified)] if notified < now else []


# -- the list -------------------------------------------------------------------------------------------------------


def _clause(deviation: Deviation, clause: SanctionClause) -> Ground:
    is_of_contract = clause.contract_id == deviation.contract_id
    holds = is_of_contract and clause.requirement_id in {None, deviation.requirement.origin_id}
    if not clause.was_there(told.told_at(deviation)):
        return Ground("clause", holds=False, said=NO_CLAUSE, lacking=CLAUSE_NOT_TOLD.with_values(clause=clause.clause))
    return Ground("clause", holds, CLAUSE_SAID.with_values(clause=clause.clause), NO_CLAUSE)


def _in_force(deviation: Deviation) -> Ground:
    """A change order may let a requirement fall away from a day that was judged already: then nothing was broken."""
    duty, day = deviation.requirement, breach_days.judged_until(deviation)
    holds = duty.valid_from <= day and (duty.valid_to is None or day <= duty.valid_to)
    name = calendars.day_name(day)
    return Ground("in_force", holds, IN_FORCE.with_values(day=name), NOT_IN_FORCE.with_values(day=name))


def _notice(deviation: Deviation) -> Ground:
    given_at = _given_at(deviation.notices[-1]) if deviation.notices else None
    holds = given_at is not None and given_at <= clock.now()
    said = GIVEN.with_values(day=_day(deviation, given_at)) if given_at else NOT_HEARD
    return Ground("notice_delivered", holds, said, NOT_HEARD)


def _given_at(notice: Notice) -> datetime | None:
    """When it counts as given; one from before the contract's rule was kept, when it was delivered."""
    if notice.takes_effect_at is None and notice.starts == NoticeStart.DELIVERED:
        return notice.delivered_at
    return notice.takes_effect_at


def _heard(deviation: Deviation) -> Ground:
    """The time to reply is over, or a reply was declared complete.

    Under a notice from before replies were declared complete, any reply ended the time.
    """
    is_old = bool(deviation.notices) and deviation.notices[-1].takes_effect_at is None
    ending = next((reply for reply in deviation.replies if reply.is_complete or is_old), None)
    due_at = deviation.reply_due_at
    is_over = due_at is not None and clock.now() > due_at
    said = NOT_HEARD
    if ending is not None:
        said = DECLARED.with_values(day=_day(deviation, ending.created_at))
    elif due_at is not None:
        said = OVER.with_values(day=_day(deviation, due_at))
    holds = _notice(deviation).holds and (ending is not None or is_over)
    return Ground("reply_period_over", holds, said, NOT_HEARD)


def _upheld(deviation: Deviation) -> Ground:
    newest = [point.weighings[-1].verdict for point in deviation.points if point.weighings]
    upheld = sum(verdict in {Verdict.UPHELD, Verdict.PARTLY} for verdict in newest)
    said = UPHELD.with_values(upheld=upheld, all=len(deviation.points)) if deviation.points else STILL_OPEN
    return Ground("upheld", bool(upheld) or not deviation.points, said, NOTHING_UPHELD)


def _notified(deviation: Deviation) -> Ground:
    """Something that breaks the requirement now stood in the notice and is left of it, whatever the clause counts."""
    now, notified = int(deviation.facts["breaches"]), calculations.notified(deviation)
    said = NAMED if notified == now else NAMED_LINES.with_values(told=notified, now=now)
    return Ground("notified", calculations.breaches(deviation) > 0, said, ALL_DROPPED if notified else NOT_NAMED)


def _stands(deviation: Deviation) -> Ground:
    said = SHOWN if "figure" in deviation.facts else STILL_OPEN
    return Ground("stands", calculations.stands(deviation), said, GONE)


def _ended(deviation: Deviation, clause: SanctionClause) -> Ground:
    lacks, lacking = calculations.lacks_end(deviation, clause), NO_END.with_values(clause=clause.clause)
    end, said = breach_days.end_of(deviation), UNTIL_FILED
    waits = judged_next.to_review(deviation) if lacks and end else None
    if waits is not None and end is not None:
        lacking = TO_REVIEW.with_values(period=waits.period.name, day=calendars.day_name(end.on))
    if ladder.step_of(deviation, clause) != ClauseForm.DAILY:
        said = NOT_BY_DAY
    elif end is not None:
        said = ENDED.with_values(day=calendars.day_name(end.on), why=end.why)
    elif deviation.cause == Cause.NOT_ACCEPTED:
        said = NO_DAYS_YET
    elif breach_days.is_missing(deviation):
        said = _sentence(breach_days.still_missing(_counted_until(deviation)))
    return Ground("ended", not lacks, said, lacking)


def _counted_until(deviation: Deviation) -> date:
    """The day of the calculation: of the one that is proposed or decided, else the one that would be made now.

    What was sent back or withdrawn is calculated anew when it is proposed again, and its days run until then.
    """
    sanction = deviation.sanction
    made_on = sanction.found.get("on") if sanction and sanction.state in _STANDING else None
    return date.fromisoformat(made_on) if made_on else breach_days.today(deviation)


def _sentence(text: Text) -> Text:
    return Text(*(f"{each[0].upper()}{each[1:]}." for each in (text.nb, text.en)))


# -- to be seen -----------------------------------------------------------------------------------------------------


def _late_notice(deviation: Deviation) -> Iterator[Text]:
    due_at = deviation.notice_due_at
    if due_at is not None and deviation.notices and deviation.notices[0].created_at > due_at:
        days = {"sent": deviation.notices[0].created_at, "due": due_at, "known": deviation.known_at}
        yield NOTICE_LATE.with_values(**{name: _day(deviation, moment) for name, moment in days.items()})


def _changed_since(deviation: Deviation) -> Iterator[Text]:
    """What the contract says otherwise than when the notice was written, where that makes a difference."""
    told_at, clause = told.told_at(deviation), told.clause_of(deviation)
    if told_at is None or clause is None:
        return
    day, now = _day(deviation, told_at), deviation.contract.clause_for(deviation.requirement)
    if now is not None and now is not clause:
        costs_of = {"other": _gives(deviation, now), "this": _gives(deviation, clause)}
        yield OTHER_CLAUSE.with_values(told=day, now=now.clause, before=clause.clause, **costs_of)
    with suppress(Refused):
        is_open = calculations.lacks_end(deviation, clause)
        costs = calculations.per_days(deviation, clause) if is_open else _totals(deviation, clause)
        if costs[told_at] != costs[None]:
            amounts = {"before": costs[told_at], "now": costs[None]}
            said = {name: with_currency(amount, clause.contract.currency) for name, amount in amounts.items()}
            yield AS_TOLD.with_values(told=day, **said, day=A_DAY if is_open else same(""))


def _gives(deviation: Deviation, clause: SanctionClause) -> Text:
    """What a clause comes to for the case today, in words; each day of it, where nobody knows which is the last."""
    is_open = calculations.lacks_end(deviation, clause)
    try:
        amount = calculations.per_day(deviation, clause) if is_open else min(_totals(deviation, clause).values())
    except Refused:
        return NO_SUM
    if ladder.step_of(deviation, clause) == ladder.WARNING:
        return ladder.STEPS[ladder.WARNING]
    money = with_currency(amount, clause.contract.currency)
    return A_SUM.with_values(amount=money, day=A_DAY if is_open else same(""))


def _totals(deviation: Deviation, clause: SanctionClause) -> dict[datetime | None, Decimal]:
    """What the clause gives today by each reading."""
    return {read_at: made.amount for read_at, made in calculations.today_by_reading(deviation, clause).items()}


def _noted_late(deviation: Deviation) -> Iterator[Text]:
    """That the buyer's person noted a service by hand on a later day than the one on which it is said to be."""
    notice = deviation.notices[-1] if deviation.notices else None
    if notice is None or notice.served_at is None or notice.served_noted_at is None:
        return
    served, noted = _day(deviation, notice.served_at), _day(deviation, notice.served_noted_at)
    if served != noted:
        yield NOTED_LATE.with_values(served=served, how=same(notice.served_how), noted=noted)


def _still_missing(deviation: Deviation) -> Iterator[Text]:
    """That days are charged for a report that has not come, and that those after the calculation are not."""
    sanction = deviation.sanction
    clause = sanction.clause if sanction else told.clause_of(deviation)
    is_daily = clause is not None and ladder.step_of(deviation, clause) == ClauseForm.DAILY
    if is_daily and breach_days.is_missing(deviation):
        yield _sentence(breach_days.still_missing(_counted_until(deviation)))


def _said_since(deviation: Deviation) -> Iterator[Text]:
    if deviation.replies and any(point.weighings for point in deviation.points) and deviations.unweighed(deviation):
        yield SAID_SINCE


def _day(deviation: Deviation, moment: datetime) -> Text:
    return deviations.day_text(moment, deviation.contract.time_zone)
