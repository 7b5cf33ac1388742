"""What the register of machines and vehicles says: types, sizes, emission stages and Euro classes, each listed once."""

from portal.kinds.fields import Choice
from portal.text import Text, same

STAGES = (
    Choice("older", Text("Eldre enn steg I", "Older than stage I")),
    *(Choice(stage, Text(f"Steg {stage}", f"Stage {stage}")) for stage in ("I", "II", "IIIA", "IIIB", "IV", "V")),
    Choice("zero_emission", Text("Utslippsfri", "Zero-emission")),
)
"""Emission stages of machines from the lowest to the highest (Regulation (EU) 2016/1628 and its forerunners)."""

EURO_CLASSES = (
    Choice("older", Text("Eldre enn Euro I", "Older than Euro I")),
    *(
        Choice(f"euro_{number}", same(f"Euro {roman}"))
        for number, roman in enumerate(("I", "II", "III", "IV", "V", "VI"), 1)
    ),
    Choice("zero_emission", Text("Utslippsfri", "Zero-emission")),
)
"""Euro classes of vehicles from the lowest to the highest (Regulation (EC) 595/2009 and its forerunners)."""

MACHINE_TYPES = (
    Choice("crawler_excavator", Text("Gravemaskin på belter", "Crawler excavator")),
    Choice("wheel_excavator", Text("Gravemaskin på hjul", "Wheel excavator")),
    Choice("mini_excavator", Text("Minigraver", "Mini excavator")),
    Choice("wheel_loader", Text("Hjullaster", "Wheel loader")),
    Choice("track_loader", Text("Kompaktlaster", "Skid or track loader")),
    Choice("backhoe", Text("Traktorgraver", "Backhoe loader")),
    Choice("dozer", Text("Bulldoser", "Dozer")),
    Choice("grader", Text("Veihøvel", "Grader")),
    Choice("roller", Text("Vals", "Roller")),
    Choice("site_dumper", Text("Dumper", "Site dumper")),
    Choice("articulated_dumper", Text("Rammestyrt dumper", "Articulated dumper")),
    Choice("telehandler", Text("Teleskoptruck", "Telehandler")),
    Choice("forklift", Text("Gaffeltruck", "Forklift")),
    Choice("crane", Text("Kran", "Crane")),
    Choice("drilling_rig", Text("Borerigg eller pelerigg", "Drilling or piling rig")),
    Choice("crusher", Text("Knuser eller sikteverk", "Crusher or screen")),
    Choice("concrete_pump", Text("Betongpumpe", "Concrete pump")),
    Choice("asphalt_paver", Text("Asfaltutlegger", "Asphalt paver")),
    Choice("lift", Text("Lift", "Lift")),
    Choice("compressor", Text("Kompressor", "Compressor")),
    Choice("generator", Text("Aggregat", "Generator")),
    Choice("heater", Text("Byggvarmer", "Heater")),
    Choice("pump", Text("Pumpe", "Pump")),
    Choice("light_tower", Text("Lysmast", "Light tower")),
)
VEHICLE_TYPES = (
    Choice("lorry", Text("Lastebil", "Lorry")),
    Choice("tipper", Text("Tippbil", "Tipper lorry")),
    Choice("tractor_trailer", Text("Trekkvogn med henger", "Tractor and trailer")),
    Choice("mixer_lorry", Text("Betongbil", "Concrete mixer lorry")),
    Choice("van", Text("Varebil", "Van")),
)
OTHER_TYPES = (
    Choice("other", Text("Annen maskin", "Other machine")),
    Choice("other_vehicle", Text("Annet kjøretøy", "Other vehicle")),
)
TYPES = (*MACHINE_TYPES, *VEHICLE_TYPES, *OTHER_TYPES)
"""What a machine or vehicle may be. The other ones go with a word of the person's own."""

SIZES = (
    Choice("under_2_5", Text("under 2,5 tonn", "under 2.5 tonnes")),
    Choice("2_5_to_8", Text("2,5–8 tonn", "2.5–8 tonnes")),
    Choice("8_to_15", Text("8–15 tonn", "8–15 tonnes")),
    Choice("15_to_25", Text("15–25 tonn", "15–25 tonnes")),
    Choice("25_to_40", Text("25–40 tonn", "25–40 tonnes")),
    Choice("over_40", Text("over 40 tonn", "over 40 tonnes")),
)
"""Weight classes."""

_VEHICLES = frozenset({choice.key for choice in VEHICLE_TYPES} | {"other_vehicle"})
_FREE = frozenset({choice.key for choice in OTHER_TYPES})


def is_vehicle(type_: str) -> bool:
    """Whether a type is a vehicle, which has a Euro class and kilometres; else a machine, with a stage and hours."""
    return type_ in _VEHICLES


def is_told_in_words(type_: str) -> bool:
    """Whether the type itself is free text."""
    return type_ in _FREE


def classes_of(type_: str) -> tuple[Choice, ...]:
    """The emission classes that a type can have, the lowest first."""
    return EURO_CLASSES if is_vehicle(type_) else STAGES
