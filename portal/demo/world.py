"""Who and what is in the demo: three buyers, six suppliers, eight contracts. Everybody in it is made up."""

from decimal import Decimal
from typing import NamedTuple

from portal.calendars import Frequency
from portal.model import ClauseCounts, Comparison, OrganisationKind, Role, Window

PASSWORD = "klima-demo-2026"  # noqa: S105 - printed at the start, and only ever in a demo database
MONTHS = 14
"""How far back the longest contract goes."""


class Firm(NamedTuple):
    """An organisation of the demo. Numbers are of the synthetic series."""

    key: str
    number: str
    name: str
    kind: OrganisationKind


class Persona(NamedTuple):
    """A person of the demo, and what they are."""

    email: str
    name: str
    firm: str
    roles: tuple[Role, ...]


class Term(NamedTuple):
    """A requirement of a contract."""

    indicator: str
    threshold: str
    clause: str
    kind: str = "machinery"
    comparison: Comparison = Comparison.AT_LEAST
    window: Window = Window.PERIOD
    promised: str = ""


class Fee(NamedTuple):
    """A sanction clause: so much for each breach."""

    amount: Decimal
    counts: ClauseCounts = ClauseCounts.PERIOD
    warns_first: bool = False


class Daily(NamedTuple):
    """A sanction clause: so many per mille of the contract's value a day, for a report that is late."""

    per_mille: Decimal
    cap_days: int


class Job(NamedTuple):
    """A contract of the demo."""

    reference: str
    title: str
    sites: tuple[str, ...]
    buyer: str
    supplier: str
    story: str
    """Which way its reports go; `stories` tells."""
    months: int
    """Whole months behind the current one that it has run."""
    value: Decimal
    cpv: str
    basis: dict[str, str]
    terms: tuple[Term, ...]
    fee: Fee
    daily: Daily | None
    machines: tuple[str, ...]
    kinds: tuple[str, ...] = ("machinery", "fuel")
    frequency: Frequency = Frequency.MONTH
    unattended: bool = False


FIRMS = (
    Firm("nordvik", "310000019", "Nordvik kommune", OrganisationKind.BUYER),
    Firm("fjellvegen", "310000027", "Fjellvegen fylkeskommune", OrganisationKind.BUYER),
    Firm("strandby", "310000078", "Strandby havn KF", OrganisationKind.BUYER),
    Firm("tindegraving", "310000035", "Tindegraving AS", OrganisationKind.SUPPLIER),
    Firm("bratli", "310000043", "Bratli Anlegg AS", OrganisationKind.SUPPLIER),
    Firm("solsiden", "310000051", "Solsiden Vei og Vann AS", OrganisationKind.SUPPLIER),
    Firm("kvernberget", "310000086", "Kvernberget Asfalt AS", OrganisationKind.SUPPLIER),
    Firm("myra", "310000094", "Myra Maskin AS", OrganisationKind.SUPPLIER),
    Firm("fossheim", "310000108", "Fossheim Bygg AS", OrganisationKind.SUPPLIER),
)

_ALONE = (Role.ADMINISTRATOR, Role.REPORTER, Role.SIGNATORY)
PEOPLE = (
    Persona("kari.prove@tindegraving.example", "Kari Prøve", "tindegraving", (Role.REPORTER,)),
    Persona("lars.eksempel@tindegraving.example", "Lars Eksempel", "tindegraving", (Role.SIGNATORY,)),
    Persona("siv.mal@bratli.example", "Siv Mal", "bratli", _ALONE),
    Persona("odd.utkast@solsiden.example", "Odd Utkast", "solsiden", (Role.REPORTER, Role.SIGNATORY)),
    Persona("nina.test@nordvik.example", "Nina Test", "nordvik", (Role.REVIEWER,)),
    Persona("astrid.monster@nordvik.example", "Astrid Mønster", "nordvik", (Role.ADMINISTRATOR,)),
    Persona("tor.dummy@nordvik.example", "Tor Dummy", "nordvik", (Role.DECISION_MAKER,)),
    Persona("eva.figur@fjellvegen.example", "Eva Figur", "fjellvegen", (Role.CONTRACT_MANAGER, Role.REVIEWER)),
    Persona("per.skisse@nordvik.example", "Per Skisse", "nordvik", (Role.REVIEWER,)),
    Persona("jon.modell@fjellvegen.example", "Jon Modell", "fjellvegen", (Role.ADMINISTRATOR, Role.DECISION_MAKER)),
    Persona("mona.kopi@strandby.example", "Mona Kopi", "strandby", (Role.ADMINISTRATOR, Role.REVIEWER)),
    Persona("arne.rissen@strandby.example", "Arne Rissen", "strandby", (Role.DECISION_MAKER,)),
    Persona("liv.revisjon@nordvik.example", "Liv Revisjon", "nordvik", (Role.AUDITOR,)),
    Persona("gro.kladd@kvernberget.example", "Gro Kladd", "kvernberget", _ALONE),
    Persona("tuva.skjema@myra.example", "Tuva Skjema", "myra", _ALONE),
    Persona("ivar.stubb@fossheim.example", "Ivar Stubb", "fossheim", _ALONE),
)
"""The first of them are the ones to try: each has one thing that waits."""

UNIT = "Avdeling vann og veg"
UNITS_JOBS = ("NK-2026-006", "NK-2026-011")
IN_UNIT = "per.skisse@nordvik.example"
"""A reviewer who sees the contracts of one department only."""

DIRECT = {"fuel": "nir-2021", "biofuel": "zero", "boundary": "inside", "mandate": "0.1", "supplement": "desnz-2025-ttw"}
WITH_ELECTRICITY = {**DIRECT, "electricity": "nve-2023"}
LIFE_CYCLE = {"fuel": "energimyndigheten-2016", "biofuel": "zero", "boundary": "inside", "mandate": "0.1"}


def _usual(share: str, stage: str) -> tuple[Term, ...]:
    return (Term("zero_emission_share_energy", share, "4.2"), Term("lowest_stage", stage, "4.3"))


JOBS = (
    Job(
        "NK-2025-014",
        "Skolebygg Lia",
        ("Liaveien 4, Nordvik",),
        "nordvik",
        "tindegraving",
        "returned",
        14,
        Decimal(84_000_000),
        "45214200",
        WITH_ELECTRICITY,
        _usual("15", "IIIB"),
        Fee(Decimal(20_000)),
        None,
        ("EL-1", "EL-2", "TG-07", "TG-11", "TG-12", "TG-20", "TG-21", "TG-22"),
    ),
    Job(
        "NK-2026-006",
        "Vann og avløp Elvegata",
        ("Elvegata sør", "Elvegata nord"),
        "nordvik",
        "bratli",
        "breach",
        9,
        Decimal(37_500_000),
        "45231300",
        DIRECT,
        _usual("25", "IV"),
        Fee(Decimal(15_000), ClauseCounts.LINE),
        None,
        ("BA-E1", "BA-E2", "BA-03", "BA-05", "BA-09", "BA-10", "BA-12"),
    ),
    Job(
        "NK-2026-011",
        "Turveg Strandsletta",
        ("Strandsletta, Nordvik",),
        "nordvik",
        "solsiden",
        "late",
        7,
        Decimal(12_400_000),
        "45233161",
        DIRECT,
        _usual("5", "IIIA"),
        Fee(Decimal(10_000), warns_first=True),
        Daily(Decimal("0.5"), 50),
        ("SV-1", "SV-2", "SV-E3", "SV-7", "SV-8"),
    ),
    Job(
        "FF-2025-118",
        "Fylkesveg 77, parsell 3",
        ("Fv. 77 ved Breidal",),
        "fjellvegen",
        "tindegraving",
        "half_filled",
        14,
        Decimal(212_000_000),
        "45233120",
        LIFE_CYCLE,
        _usual("5", "IIIB"),
        Fee(Decimal(50_000)),
        None,
        ("TG-30", "TG-31", "TG-32", "TG-33", "TG-34", "TG-E4", "TG-E5", "TG-L1", "TG-L2"),
        kinds=("machinery", "transport", "energy", "fuel"),
    ),
    Job(
        "FF-2025-120",
        "Drift av fylkesveger nord",
        ("Fylkesveger nord",),
        "fjellvegen",
        "solsiden",
        "unattended",
        12,
        Decimal(64_000_000),
        "45233141",
        DIRECT,
        _usual("10", "IIIA"),
        Fee(Decimal(25_000)),
        None,
        ("SV-4", "SV-E5", "SV-E6", "SV-9", "SV-10", "SV-11"),
        unattended=True,
    ),
    Job(
        "FF-2026-009",
        "Asfalt fylkesveg 12",
        ("Fv. 12 Nes–Vika",),
        "fjellvegen",
        "kvernberget",
        "overdue",
        8,
        Decimal(29_800_000),
        "45233222",
        DIRECT,
        (Term("zero_emission_share_hours", "10", "4.2"), Term("lowest_stage", "IV", "4.3")),
        Fee(Decimal(10_000)),
        Daily(Decimal(1), 100),
        ("KA-1", "KA-2", "KA-3", "KA-E4", "KA-5", "KA-6", "KA-L1", "KA-L2"),
        kinds=("machinery", "transport", "fuel"),
    ),
    Job(
        "SH-2025-003",
        "Kai 4, forlengelse",
        ("Ytre havn, Strandby",),
        "strandby",
        "myra",
        "quarterly",
        14,
        Decimal(146_000_000),
        "45241500",
        DIRECT,
        (
            Term("zero_emission_share_energy", "5", "4.2", window=Window.YEAR, promised="8"),
            Term("lowest_stage", "IV", "4.3"),
        ),
        Fee(Decimal(100_000)),
        None,
        ("MM-1", "MM-2", "MM-3", "MM-4", "MM-5", "MM-6", "MM-E1", "MM-E2", "MM-E3"),
        frequency=Frequency.QUARTER,
    ),
    Job(
        "SH-2026-002",
        "Terminalbygg Strandby",
        ("Terminalen", "Riggområdet"),
        "strandby",
        "fossheim",
        "starting",
        3,
        Decimal(95_000_000),
        "45213330",
        WITH_ELECTRICITY,
        _usual("40", "IV"),
        Fee(Decimal(30_000)),
        Daily(Decimal(1), 100),
        ("FB-E1", "FB-E2", "FB-E3", "FB-4", "FB-5", "FB-6", "FB-7", "FB-8"),
    ),
)
