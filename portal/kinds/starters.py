"""The starter catalogue: requirements as contracts usually have them, each with its figure, its limit and its wording.

A contract's requirement is a copy that anybody who sets it up may change; nothing points back here. What belongs to no
kind (to file in time) has no key of a kind. Windows and comparisons are the codes that the contract's own terms use.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from portal.kinds import machinery, site, transport
from portal.text import Text

WindowKey: TypeAlias = Literal["period", "year", "running", "whole"]
EVERY_WINDOW: tuple[WindowKey, ...] = ("period", "year", "running", "whole")


@dataclass(frozen=True)
class Offer:
    """A requirement to begin with.

    `kinds`: keys of the kinds whose figure it can be, the usual one first; none: it belongs to no kind. `threshold` is
    what contracts usually say, in the figure's unit, or the key of a choice. `windows`: those that make sense, the
    usual one first. `wording` is a clause to propose, with the place {threshold}.
    """

    key: str
    title: Text
    means: Text
    kinds: tuple[str, ...]
    indicator: str
    comparison: Literal["at_least", "at_most"]
    threshold: str
    windows: tuple[WindowKey, ...]
    wording: Text


_MACHINES, _VEHICLES, _SITE = machinery.KIND.key, transport.KIND.key, site.KEY


def _share(key: str, title: Text, means: Text, what: Text) -> Offer:
    wording = Text(
        f"Minst {{threshold}} av {what.nb} skal være utslippsfri. Kravet vurderes i hver vurderingsperiode.",
        f"At least {{threshold}} of {what.en} shall be zero-emission. It is judged in each assessment window.",
    )
    return Offer(key, title, means, (_MACHINES,), key, "at_least", "20", EVERY_WINDOW, wording)


OFFERS = (
    _share(
        "zero_emission_share_work",
        Text("Utslippsfri andel: energi ved maskinen", "Zero-emission share: energy at the machine"),
        Text(
            "Energien ganges med virkningsgraden før den deles. Krever at kontrakten viser til en tabell over "
            "virkningsgrad.",
            "The energy is multiplied by the efficiency before it is divided. Needs a table of efficiencies in the "
            "contract.",
        ),
        Text("energien ved maskinene", "the energy at the machines"),
    ),
    _share(
        "zero_emission_share_energy",
        Text("Utslippsfri andel: levert energi", "Zero-emission share: energy delivered"),
        Text(
            "Energien i strøm og hydrogen, delt på energien i alt maskinene har brukt.",
            "The energy in electricity and hydrogen, divided by the energy in all that the machines have used.",
        ),
        Text("energien som maskinene bruker", "the energy that the machines use"),
    ),
    _share(
        "zero_emission_share_hours",
        Text("Utslippsfri andel: driftstimer", "Zero-emission share: operating hours"),
        Text(
            "Timer på strøm og hydrogen, delt på alle driftstimer.",
            "Hours on electricity and hydrogen, divided by all operating hours.",
        ),
        Text("driftstimene", "the operating hours"),
    ),
    _share(
        "zero_emission_share_machines",
        Text("Utslippsfri andel: antall maskiner", "Zero-emission share: number of machines"),
        Text(
            "Maskiner som bare har brukt strøm eller hydrogen, delt på alle maskiner som er rapportert.",
            "Machines that have used only electricity or hydrogen, divided by all machines that are reported.",
        ),
        Text("maskinene", "the machines"),
    ),
    Offer(
        "minimum_stage",
        Text("Laveste utslippssteg", "Minimum emission stage"),
        Text(
            "Ingen maskin kan ha et lavere utslippssteg enn dette. Hver maskin under er et brudd.",
            "No machine may have a lower emission stage than this. Each machine below it is a breach.",
        ),
        (_MACHINES,),
        "lowest_stage",
        "at_least",
        "IIIB",
        ("period",),
        Text(
            "Alle maskiner på kontrakten skal ha {threshold} eller bedre.",
            "All machines on the contract shall have {threshold} or better.",
        ),
    ),
    Offer(
        "minimum_euro_class",
        Text("Laveste euroklasse", "Minimum Euro class"),
        Text(
            "Ingen kjøretøy kan ha en lavere euroklasse enn denne. Hvert kjøretøy under er et brudd.",
            "No vehicle may have a lower Euro class than this. Each vehicle below it is a breach.",
        ),
        (_VEHICLES,),
        "lowest_euro_class",
        "at_least",
        "euro_6",
        ("period",),
        Text(
            "Alle kjøretøy på kontrakten skal ha {threshold} eller bedre.",
            "All vehicles on the contract shall have {threshold} or better.",
        ),
    ),
    Offer(
        "no_fossil_fuel",
        Text("Ikke fossilt drivstoff", "No fossil fuel"),
        Text(
            "Ingen linje kan ha brukt fossilt drivstoff. Biodrivstoff, biogass, strøm og hydrogen er tillatt.",
            "No line may have used fossil fuel. Biofuel, biogas, electricity and hydrogen are allowed.",
        ),
        (_SITE, _MACHINES, _VEHICLES),
        "fossil_lines",
        "at_most",
        "0",
        ("period", "year", "whole"),
        Text(
            "Det skal ikke brukes fossilt drivstoff på kontrakten.",
            "Fossil fuel shall not be used on the contract.",
        ),
    ),
    Offer(
        "measured_share",
        Text("Andel målte tall", "Share of metered figures"),
        Text(
            "Energi der mengden er målt eller kommer fra telematikk, delt på all energi. Faktura og anslag regnes ikke "
            "som målt.",
            "Energy whose amount is metered or from telematics, divided by all energy. Invoices and estimates do not "
            "count as metered.",
        ),
        (_SITE, _MACHINES, _VEHICLES),
        "measured_share",
        "at_least",
        "80",
        EVERY_WINDOW,
        Text(
            "Minst {threshold} av den rapporterte energien skal være målt eller hentet fra telematikk.",
            "At least {threshold} of the reported energy shall be metered or taken from telematics.",
        ),
    ),
    Offer(
        "report_on_time",
        Text("Rapport innen fristen", "Report on time"),
        Text(
            "Hver rapport er sendt inn innen fristen som kontrakten gir.",
            "Each report is filed by the deadline that the contract gives.",
        ),
        (),
        "report_on_time",
        "at_most",
        "0",
        ("period",),
        Text(
            "Leverandøren skal levere en fullstendig rapport for hver periode innen fristen.",
            "The supplier shall file a complete report for each period by the deadline.",
        ),
    ),
    Offer(
        "plan_after_start",
        Text("Plan etter oppstart", "Plan after the start"),
        Text(
            "Leverandøren leverer én gang en plan for energi og utslippsfrie maskiner, så mange dager etter oppstart.",
            "The supplier files once a plan of energy and zero-emission machines, so many days after the start.",
        ),
        (),
        "plan_after_start",
        "at_most",
        "30",
        ("period",),
        Text(
            "Leverandøren skal levere en plan for hvordan kravene oppfylles, senest {threshold} etter oppstart.",
            "The supplier shall file a plan of how the requirements are met, at the latest {threshold} after start.",
        ),
    ),
    Offer(
        "account_at_handover",
        Text("Regnskap ved overtakelse", "Account at handover"),
        Text(
            "Leverandøren leverer én gang et samlet regnskap over energibruken, så mange dager etter overtakelse.",
            "The supplier files once an account of all energy used, so many days after the handover.",
        ),
        (),
        "account_at_handover",
        "at_most",
        "30",
        ("period",),
        Text(
            "Leverandøren skal levere et samlet regnskap over energibruken senest {threshold} etter overtakelse.",
            "The supplier shall file an account of all energy used no later than {threshold} after the handover.",
        ),
    ),
)
"""In the order in which people look for them."""

_BY_KEY = {offer.key: offer for offer in OFFERS}


def offer(key: str) -> Offer | None:
    """The offer with this key, if there is one."""
    return _BY_KEY.get(key)


def offers(reported: frozenset[str]) -> list[Offer]:
    """The offers for a contract that asks for these kinds; each with the kinds that it can be about there."""
    return [each for each in OFFERS if not each.kinds or {*each.kinds} & {*reported, _SITE}]
