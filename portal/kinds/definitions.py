"""The written definitions of the shares: what is divided by what, and how the cases count that people dispute."""

from portal.kinds.indicators import Definition
from portal.text import Text

_HYBRID = Text("Ladbar hybrid", "Plug-in hybrid")
_BIOGAS = Text("Biogass og biodrivstoff", "Biogas and biofuel")
_HYDROGEN = Text("Hydrogen", "Hydrogen")
_GENERATOR = Text("Batteri ladet fra dieselaggregat", "Battery charged from a diesel generator")
_EXEMPT = Text("Maskin med dispensasjon", "Machine with an exemption")
_MISSING = Text("Tall som mangler", "Missing figures")

_BIOGAS_COUNTS = (
    _BIOGAS,
    Text(
        "Ikke utslippsfritt: det brennes i maskinen. Det er med i nevneren.",
        "Not zero-emission: it is burnt in the machine. It is in the denominator.",
    ),
)
_HYDROGEN_COUNTS = (
    _HYDROGEN,
    Text(
        "Utslippsfritt der det brukes, uansett hvordan hydrogenet er laget.",
        "Zero-emission where it is used, however the hydrogen was made.",
    ),
)
_EXEMPT_COUNTS = (
    _EXEMPT,
    Text(
        "Er med i nevneren som alle andre. Dispensasjoner vises for seg og trekkes aldri fra.",
        "Is in the denominator like all others. Exemptions are shown apart and never taken out.",
    ),
)
_MISSING_COUNTS = (
    _MISSING,
    Text(
        "Mangler et tall med kilde for én linje, kan ikke andelen beregnes. Den anslås aldri.",
        "If a sourced figure is missing for one line, the share cannot be computed. It is never estimated.",
    ),
)
_GENERATOR_ENERGY = (
    _GENERATOR,
    Text(
        "Ikke utslippsfritt. Energien er dieselen aggregatet brukte, og regnes bare der.",
        "Not zero-emission. Its energy is the diesel that the generator used, and counts there only.",
    ),
)
_HYBRID_ENERGY = (
    _HYBRID,
    Text(
        "Føres som to linjer. Strømmen er i telleren, begge er i nevneren.",
        "Is given as two lines. The electricity is in the numerator, both are in the denominator.",
    ),
)

ZERO_EMISSION_ENERGY = Definition(
    Text(
        "Energien (kWh) i strøm og hydrogen som er levert.", "The energy (kWh) in electricity and hydrogen delivered."
    ),
    Text("Energien (kWh) i alt som er levert.", "The energy (kWh) in all that was delivered."),
    (_HYBRID_ENERGY, _BIOGAS_COUNTS, _HYDROGEN_COUNTS, _GENERATOR_ENERGY, _EXEMPT_COUNTS, _MISSING_COUNTS),
)
ZERO_EMISSION_WORK = Definition(
    Text(
        "Energien (kWh) i strøm og hydrogen, ganger virkningsgraden for hver energibærer.",
        "The energy (kWh) in electricity and hydrogen, times the efficiency of each carrier.",
    ),
    Text(
        "Energien (kWh) i alt som er levert, ganger virkningsgraden for hver energibærer.",
        "The energy (kWh) in all that was delivered, times the efficiency of each carrier.",
    ),
    (
        _HYBRID_ENERGY,
        _BIOGAS_COUNTS,
        _HYDROGEN_COUNTS,
        _GENERATOR_ENERGY,
        _EXEMPT_COUNTS,
        (
            _MISSING,
            Text(
                "Har ikke kontrakten en datert tabell over virkningsgrad med kilde, kan andelen ikke beregnes.",
                "If the contract has no dated, sourced table of efficiencies, the share cannot be computed.",
            ),
        ),
    ),
)
ZERO_EMISSION_HOURS = Definition(
    Text("Driftstimer på strøm og hydrogen.", "Operating hours on electricity and hydrogen."),
    Text("Alle driftstimer.", "All operating hours."),
    (
        (
            _HYBRID,
            Text(
                "Timene føres på linjen for den energibæreren de gikk på.",
                "The hours are given on the line of the carrier that they ran on.",
            ),
        ),
        _BIOGAS_COUNTS,
        _HYDROGEN_COUNTS,
        (
            _GENERATOR,
            Text(
                "Timene er ikke utslippsfrie. De er med i nevneren.",
                "The hours are not zero-emission. They are in the denominator.",
            ),
        ),
        _EXEMPT_COUNTS,
        (
            _MISSING,
            Text(
                "En linje uten timer stopper rapporten. 0 er et svar.",
                "A line without hours stops the report. 0 is an answer.",
            ),
        ),
    ),
)
ZERO_EMISSION_MACHINES = Definition(
    Text("Maskiner som bare har brukt strøm eller hydrogen.", "Machines that have used only electricity or hydrogen."),
    Text("Alle maskiner som er rapportert.", "All machines that are reported."),
    (
        (
            _HYBRID,
            Text(
                "Er ikke utslippsfri når den har brukt drivstoff i perioden.",
                "Is not zero-emission when it has used fuel in the period.",
            ),
        ),
        _BIOGAS_COUNTS,
        _HYDROGEN_COUNTS,
        (_GENERATOR, Text("Maskinen er ikke utslippsfri.", "The machine is not zero-emission.")),
        _EXEMPT_COUNTS,
        (
            _MISSING,
            Text(
                "En maskin som sto på plassen og ikke ble brukt, føres med 0 og er med.",
                "A machine that stood on the site unused is given with 0 and is in it.",
            ),
        ),
    ),
)
ZERO_EMISSION_DISTANCE = Definition(
    Text("Kilometer kjørt på strøm og hydrogen.", "Kilometres driven on electricity and hydrogen."),
    Text("Alle kilometer.", "All kilometres."),
    (
        (
            _HYBRID,
            Text(
                "Kilometerne føres på linjen for energibæreren de ble kjørt på.",
                "The kilometres are given on the line of the carrier that they were driven on.",
            ),
        ),
        _BIOGAS_COUNTS,
        _HYDROGEN_COUNTS,
        (_GENERATOR, Text("Kilometerne er ikke utslippsfrie.", "The kilometres are not zero-emission.")),
        _EXEMPT_COUNTS,
        (_MISSING, Text("En linje uten kilometer stopper rapporten.", "A line without kilometres stops the report.")),
    ),
)
MEASURED_SHARE = Definition(
    Text(
        "Energien (kWh) på linjer der mengden er målt eller kommer fra telematikk.",
        "The energy (kWh) on lines whose amount is metered or from telematics.",
    ),
    Text("Energien (kWh) på alle linjer.", "The energy (kWh) on all lines."),
    (
        (
            Text("Faktura, anslag, fordelt og kopiert", "Invoice, estimate, allocated and copied"),
            Text("Regnes ikke som målt.", "Do not count as measured."),
        ),
        _MISSING_COUNTS,
    ),
)
BIO_SHARE = Definition(
    Text("Energien (kWh) i rent biodrivstoff, biogass og ved.", "The energy (kWh) in pure biofuel, biogas and wood."),
    Text("All energi (kWh) som er levert.", "All energy (kWh) delivered."),
    (
        (
            Text("Biodrivstoff blandet i vanlig diesel og bensin", "Biofuel blended into ordinary diesel and petrol"),
            Text(
                "Er ikke i telleren. Literen er i nevneren.",
                "Is not in the numerator. The litre is in the denominator.",
            ),
        ),
        (_HYDROGEN, Text("Er bare i nevneren.", "Is in the denominator only.")),
        _EXEMPT_COUNTS,
        _MISSING_COUNTS,
    ),
)
