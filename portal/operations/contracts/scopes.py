"""Which lines a requirement is about: machines of some types, on some sites, of some organisations.

Lines are sorted before anything is computed, so what is out of scope is in no numerator and no denominator, and never
breaks anything. Where it cannot be said on which side a line is, the figure is unknown.
"""

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import select

from portal.extensions import db
from portal.kinds import register
from portal.kinds.base import Kind, Line
from portal.model import Deployment, Machine, Organisation, Report, Requirement
from portal.operations.contracts import contracts
from portal.text import Text, same

TYPES, SITES, ORGANISATIONS = "types", "sites", "organisations"
_MACHINES = frozenset({"machines", "vehicles"})

UNCLEAR = Text(
    "for {count} linjer er det ikke sagt hvor maskinen står eller hvem den hører til.",
    "of {count} lines nobody has said where the machine stands or whose it is.",
)
_ABOUT = Text("Gjelder bare {what}.", "Only about {what}.")
_OF_TYPE = Text("av typen {names}", "those of type {names}")
_ON_SITE = Text("på {names}", "those on {names}")
_OF_ORGANISATION = Text("fra {names}", "those of {names}")


class Scope(NamedTuple):
    """What a requirement is about; an empty part is all."""

    types: frozenset[str]
    sites: frozenset[str]
    organisations: frozenset[str]

    @property
    def asked(self) -> frozenset[str]:
        """The parts that leave something out."""
        return frozenset(name for name in self._fields if getattr(self, name))


class Standing(NamedTuple):
    """What the register says of a machine in one period; a site "" is one that nobody has named."""

    type: str
    owner: str
    sites: frozenset[str]


class Sorted(NamedTuple):
    """Keys of the lines that a requirement is about, and of those that nobody can tell of."""

    inside: frozenset[str]
    unclear: frozenset[str]


def of(duty: Requirement) -> Scope:
    """The scope of a requirement."""
    said = duty.scope or {}
    return Scope(*(frozenset(map(str, said.get(name, ()))) for name in Scope._fields))


def possible(kind: Kind) -> frozenset[str]:
    """By what a kind's lines can be sorted: machines by all, others by who reports, the whole site by nothing."""
    if not kind.fields:
        return frozenset()
    return frozenset(Scope._fields) if named(kind) else frozenset({ORGANISATIONS})


def named(kind: Kind) -> str:
    """The column that names the machine or vehicle of a line; "" where lines are not about one."""
    return next((each.key for each in kind.fields if each.source in _MACHINES), "")


def types_of(kind: Kind) -> tuple[str, ...]:
    """The types of machines or vehicles that a kind's lines can be about."""
    is_vehicle = any(each.source == "vehicles" for each in kind.fields)
    return tuple(each.key for each in register.TYPES if register.is_vehicle(each.key) == is_vehicle)


def sort(duty: Requirement, report: Report, kind: Kind, lines: Iterable[Line]) -> Sorted:
    """The lines of a report that a requirement is about."""
    scope, every = of(duty), list(lines)
    if not scope.asked:
        return Sorted(frozenset(line.key for line in every), frozenset())
    if not scope.asked <= possible(kind):
        return Sorted(frozenset(), frozenset(line.key for line in every))
    column = named(kind)
    if not column:
        is_theirs = _reporter(report, kind.key) in scope.organisations
        return Sorted(frozenset(line.key for line in every if is_theirs), frozenset())
    known = standings(report)
    found = {line.key: _is_inside(scope, known.get(line.text(column))) for line in every}
    return Sorted(
        frozenset(key for key, is_inside in found.items() if is_inside),
        frozenset(key for key, is_inside in found.items() if is_inside is None),
    )


def is_about(duty: Requirement, machine: Machine) -> bool:
    """Whether a requirement may be about a machine, wherever it stands."""
    scope = of(duty)
    is_type = not scope.types or machine.type in scope.types
    return is_type and (not scope.organisations or str(machine.owner.public_id) in scope.organisations)


def standings(report: Report) -> dict[str, Standing]:
    """Public id -> what the register says of each machine that stood on the contract in the report's period."""
    found: dict[str, list[Deployment]] = {}
    for row in contracts.deployments_in(report):
        found.setdefault(str(row.machine.public_id), []).append(row)
    only = [str(site.public_id) for site in report.contract.sites]
    fallback = only[0] if len(only) == 1 else ""
    return {
        key: Standing(
            rows[0].machine.type,
            str(rows[0].machine.owner.public_id),
            frozenset(str(row.site.public_id) if row.site else fallback for row in rows),
        )
        for key, rows in found.items()
    }


def in_words(duty: Requirement) -> Text | None:
    """What a requirement is about, in a sentence; None when it is about everything."""
    scope = of(duty)
    if not scope.asked:
        return None
    sites = {str(site.public_id): same(site.name) for site in duty.contract.sites}
    types = {choice.key: choice.label for choice in register.TYPES}
    organisations = _organisations(scope.organisations)
    parts = [
        words.with_values(names=_joined([names.get(key, same(key)) for key in sorted(keys)]))
        for words, keys, names in (
            (_OF_TYPE, scope.types, types),
            (_ON_SITE, scope.sites, sites),
            (_OF_ORGANISATION, scope.organisations, organisations),
        )
        if keys
    ]
    return _ABOUT.with_values(what=_joined(parts))


def _is_inside(scope: Scope, standing: Standing | None) -> bool | None:
    """None: nobody can tell, or the one line is about work on both sides."""
    if standing is None:
        return None
    if scope.types and standing.type not in scope.types:
        return False
    if scope.organisations and standing.owner not in scope.organisations:
        return False
    if not scope.sites or standing.sites <= scope.sites:
        return True
    return None if standing.sites & {*scope.sites, ""} else False


def _reporter(report: Report, kind: str) -> str:
    organisation = db.session.get_one(Organisation, report.section(kind).organisation_id)
    return str(organisation.public_id)


def _organisations(public_ids: Collection[str]) -> Mapping[str, Text]:
    named_so = Organisation.public_id.in_([uuid.UUID(each) for each in public_ids])
    rows = db.session.scalars(select(Organisation).where(named_so)) if public_ids else ()
    return {str(row.public_id): same(row.name) for row in rows}


def _joined(parts: Sequence[Text]) -> Text:
    return Text(", ".join(part.nb for part in parts), ", ".join(part.en for part in parts))
