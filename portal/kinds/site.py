"""The whole site: what counts, of every kind that is reported, each amount once. It has no lines of its own."""

from collections.abc import Mapping, Sequence

from portal.kinds import carriers, definitions
from portal.kinds.base import Indicator, Kind, Measure
from portal.text import Text

KEY = "site"

KIND = Kind(
    key=KEY,
    title=Text("Hele plassen", "The whole site"),
    fields=(),
    indicators=(
        Indicator(
            "zero_emission_share_energy",
            Text("Utslippsfri andel av energien", "Zero-emission share of energy"),
            Text(
                "Energien i strøm og hydrogen, delt på all energi som teller i kontrakten.",
                "The energy in electricity and hydrogen, divided by all energy that counts in the contract.",
            ),
            "%",
            "share",
            "energy",
            carriers.ZERO_EMISSION,
            definition=definitions.ZERO_EMISSION_ENERGY,
        ),
        Indicator(
            "energy",
            Text("Energibruk", "Energy use"),
            Text(
                "All energi som teller i kontrakten. Hver mengde teller én gang.",
                "All energy that counts in the contract. Each amount counts once.",
            ),
            "kWh",
            "sum",
            "energy",
            lower_is_better=True,
        ),
        carriers.LIQUID_FUEL,
        carriers.FOSSIL_LINES,
        *carriers.EMISSION_INDICATORS,
        Indicator(
            "bio_share_energy",
            Text("Andel biodrivstoff og biogass", "Share of biofuel and biogas"),
            Text(
                "Energien i rent biodrivstoff, biogass og ved, delt på all energi som teller.",
                "The energy in pure biofuel, biogas and wood, divided by all energy that counts.",
            ),
            "%",
            "share",
            "energy",
            {"bio": "yes"},
            definition=definitions.BIO_SHARE,
        ),
        carriers.MEASURED_SHARE,
    ),
)


def counted(measures: Mapping[str, Mapping[str, Sequence[Measure]]]) -> dict[str, list[Measure]]:
    """Of every kind's measures those that count in the contract: "kind/line key" → measures. Missing ones stay missing.

    By kind as well: line keys come from outside, and one kind's line must never take the place of another's.
    """
    return {
        f"{kind}/{line}": [measure for measure in own if measure.dimensions.get("counted") == "yes"]
        for kind, by_line in measures.items()
        for line, own in by_line.items()
    }
