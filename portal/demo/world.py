"""Who and what there is in the demo: plainly made-up people and firms, organisation numbers of the synthetic series."""

from decimal import Decimal
from typing import NamedTuple

from portal.model import ClauseCounts, Comparison, OrganisationKind, Role
from portal.operations.contracts import Duty

PASSWORD = "klima-demo-2026"  # noqa: S105 - printed at the start, and only ever in a demo database


class Firm(NamedTuple):
    """An organisation of the demo."""

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


class Job(NamedTuple):
    """A contract of the demo."""

    reference: str
    title: str
    site: str
    buyer: str
    supplier: str
    basis: dict[str, str]
    duties: tuple[Duty, ...]
    fee: Decimal
    counts: ClauseCounts
    warns_first: bool
    unattended: bool
    machines: tuple[str, ...]
    story: str
    """Which way its reports go; `play.STORIES` tells."""
    kinds: tuple[str, ...] = ("machinery", "fuel")


class Plant(NamedTuple):
    """A machine of the demo, with what it uses in an ordinary month."""

    name: str
    owner: str
    type: str
    model: str
    carrier: str
    stage: str
    hours: int
    """Hours of a machine, kilometres of a vehicle."""
    amount: int
    size: str = ""
    year: int = 2021


FIRMS = (
    Firm("nordvik", "310000019", "Nordvik kommune", OrganisationKind.BUYER),
    Firm("fjellvegen", "310000027", "Fjellvegen fylkeskommune", OrganisationKind.BUYER),
    Firm("tindegraving", "310000035", "Tindegraving AS", OrganisationKind.SUPPLIER),
    Firm("bratli", "310000043", "Bratli Anlegg AS", OrganisationKind.SUPPLIER),
    Firm("solsiden", "310000051", "Solsiden Vei og Vann AS", OrganisationKind.SUPPLIER),
)

PEOPLE = (
    Persona("kari.prove@tindegraving.example", "Kari Prøve", "tindegraving", (Role.REPORTER,)),
    Persona("lars.eksempel@tindegraving.example", "Lars Eksempel", "tindegraving", (Role.SIGNATORY,)),
    Persona("siv.mal@bratli.example", "Siv Mal", "bratli", (Role.ADMINISTRATOR, Role.REPORTER, Role.SIGNATORY)),
    Persona("odd.utkast@solsiden.example", "Odd Utkast", "solsiden", (Role.REPORTER, Role.SIGNATORY)),
    Persona("nina.test@nordvik.example", "Nina Test", "nordvik", (Role.REVIEWER,)),
    Persona("per.skisse@nordvik.example", "Per Skisse", "nordvik", (Role.REVIEWER,)),
    Persona("astrid.monster@nordvik.example", "Astrid Mønster", "nordvik", (Role.ADMINISTRATOR,)),
    Persona("tor.dummy@nordvik.example", "Tor Dummy", "nordvik", (Role.DECISION_MAKER,)),
    Persona("eva.figur@fjellvegen.example", "Eva Figur", "fjellvegen", (Role.ADMINISTRATOR, Role.REVIEWER)),
    Persona("jon.modell@fjellvegen.example", "Jon Modell", "fjellvegen", (Role.DECISION_MAKER,)),
)

DIRECT = {"fuel": "nir-2021", "biofuel": "zero", "boundary": "inside", "mandate": "0.1", "supplement": "desnz-2025-ttw"}
WITH_ELECTRICITY = {**DIRECT, "electricity": "nve-2023"}
LIFE_CYCLE = {"fuel": "energimyndigheten-2016", "biofuel": "zero", "boundary": "inside", "mandate": "0.1"}

SHARE = "zero_emission_share_energy"
STAGE = "lowest_stage"


def _duties(share: str, stage: str) -> tuple[Duty, ...]:
    return (
        Duty("machinery", SHARE, Comparison.AT_LEAST, share, "4.2"),
        Duty("machinery", STAGE, Comparison.AT_LEAST, stage, "4.3"),
    )


JOBS = (
    Job(
        "NK-2025-014",
        "Skolebygg Lia",
        "Liaveien 4, Nordvik",
        "nordvik",
        "tindegraving",
        WITH_ELECTRICITY,
        _duties("20", "IIIB"),
        Decimal(20000),
        ClauseCounts.PERIOD,
        False,
        False,
        ("EL-1", "EL-2", "TG-07", "TG-11", "TG-12", "TG-20"),
        "returned",
    ),
    Job(
        "NK-2025-031",
        "Vann og avløp Elvegata",
        "Elvegata, Nordvik",
        "nordvik",
        "bratli",
        DIRECT,
        _duties("25", "IV"),
        Decimal(15000),
        ClauseCounts.LINE,
        False,
        False,
        ("BA-E1", "BA-03", "BA-05", "BA-09", "BA-10"),
        "breach",
    ),
    Job(
        "NK-2025-040",
        "Turveg Strandsletta",
        "Strandsletta, Nordvik",
        "nordvik",
        "solsiden",
        DIRECT,
        _duties("10", "IIIA"),
        Decimal(10000),
        ClauseCounts.PERIOD,
        True,
        False,
        ("SV-1", "SV-2", "SV-E3"),
        "missing",
    ),
    Job(
        "FF-2025-118",
        "Fylkesveg 77, parsell 3",
        "Fv. 77 ved Breidal",
        "fjellvegen",
        "tindegraving",
        LIFE_CYCLE,
        _duties("5", "IIIB"),
        Decimal(50000),
        ClauseCounts.PERIOD,
        False,
        False,
        ("TG-30", "TG-31", "TG-E4", "TG-L1", "TG-L2"),
        "smooth",
        ("machinery", "transport", "energy", "fuel"),
    ),
    Job(
        "FF-2025-120",
        "Drift av fylkesveger nord",
        "Fylkesveger nord",
        "fjellvegen",
        "solsiden",
        DIRECT,
        _duties("10", "IIIA"),
        Decimal(25000),
        ClauseCounts.PERIOD,
        False,
        True,
        ("SV-4", "SV-E5", "SV-E6"),
        "unattended",
    ),
)

PLANTS = (
    Plant(
        "EL-1",
        "tindegraving",
        "crawler_excavator",
        "Elektrisk gravemaskin 17 t",
        "electricity",
        "zero_emission",
        150,
        3400,
        "15_to_25",
    ),
    Plant(
        "EL-2",
        "tindegraving",
        "wheel_loader",
        "Elektrisk hjullaster 8 t",
        "electricity",
        "zero_emission",
        120,
        1500,
        "8_to_15",
    ),
    Plant("TG-07", "tindegraving", "crawler_excavator", "Gravemaskin 22 t", "diesel", "V", 140, 900, "15_to_25"),
    Plant("TG-11", "tindegraving", "site_dumper", "Dumper 9 t", "hvo", "IV", 110, 500, "8_to_15"),
    Plant("TG-12", "tindegraving", "roller", "Vals 7 t", "diesel", "IIIB", 60, 250, "2_5_to_8"),
    Plant("TG-20", "tindegraving", "telehandler", "Teleskoptruck 6 t", "diesel", "V", 80, 200, "2_5_to_8"),
    Plant("TG-30", "tindegraving", "crawler_excavator", "Gravemaskin 30 t", "diesel", "V", 160, 2400, "25_to_40"),
    Plant("TG-31", "tindegraving", "articulated_dumper", "Rammestyrt dumper", "hvo", "V", 150, 2100, "25_to_40"),
    Plant(
        "TG-E4",
        "tindegraving",
        "mini_excavator",
        "Elektrisk minigraver",
        "electricity",
        "zero_emission",
        140,
        2900,
        "under_2_5",
    ),
    Plant("TG-L1", "tindegraving", "tipper", "Tippbil 3 aksler", "hvo", "euro_6", 1800, 700, "15_to_25"),
    Plant(
        "TG-L2", "tindegraving", "lorry", "Elektrisk lastebil", "electricity", "zero_emission", 900, 1200, "15_to_25"
    ),
    Plant(
        "BA-E1",
        "bratli",
        "mini_excavator",
        "Elektrisk minigraver",
        "electricity",
        "zero_emission",
        120,
        900,
        "under_2_5",
    ),
    Plant("BA-03", "bratli", "crawler_excavator", "Gravemaskin 14 t", "diesel", "IIIA", 130, 900, "8_to_15", 2011),
    Plant("BA-05", "bratli", "wheel_loader", "Hjullaster 12 t", "diesel", "V", 110, 700, "8_to_15"),
    Plant("BA-09", "bratli", "site_dumper", "Dumper 6 t", "diesel", "IIIA", 90, 350, "2_5_to_8", 2010),
    Plant("BA-10", "bratli", "roller", "Vals 4 t", "diesel", "V", 50, 150, "2_5_to_8"),
    Plant("SV-1", "solsiden", "crawler_excavator", "Gravemaskin 8 t", "diesel", "V", 100, 600, "8_to_15"),
    Plant("SV-2", "solsiden", "wheel_loader", "Hjullaster 6 t", "diesel", "IV", 90, 450, "2_5_to_8"),
    Plant(
        "SV-E3",
        "solsiden",
        "mini_excavator",
        "Elektrisk minigraver",
        "electricity",
        "zero_emission",
        110,
        1500,
        "under_2_5",
    ),
    Plant("SV-4", "solsiden", "grader", "Veghøvel", "diesel", "V", 120, 1100, "15_to_25"),
    Plant(
        "SV-E5",
        "solsiden",
        "wheel_loader",
        "Elektrisk hjullaster 5 t",
        "electricity",
        "zero_emission",
        130,
        1900,
        "2_5_to_8",
    ),
    Plant(
        "SV-E6",
        "solsiden",
        "telehandler",
        "Elektrisk teleskoptruck",
        "electricity",
        "zero_emission",
        90,
        1100,
        "2_5_to_8",
    ),
)

MONTHS = 6
"""Whole months behind the current one that have reports."""
