"""What every kind keeps to, and that a new one needs only its own module."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from types import ModuleType
from typing import cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal import factors, kinds
from portal.kinds import KindModule, fuel, general, machinery
from portal.kinds.base import (
    PROVENANCE,
    Choice,
    Field,
    FieldType,
    Function,
    Hit,
    Indicator,
    Kind,
    Line,
    Parameter,
    Parsed,
    Raw,
    Rule,
    Setting,
    UnknownFunction,
)
from portal.text import Text, same

unhurried = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=30
)  # a busy machine is no fault of the code

SETTING = Setting(date(2026, 3, 1), date(2026, 3, 31), factors.Basis(factors.edition("desnz-2025-ttw")))
FRACTIONS = (Choice("wood", Text("Trevirke", "Wood")), Choice("mixed", Text("Restavfall", "Mixed waste")))


def refuse_mixed(
    _kind: Kind, lines: list[Line], _setting: Setting, _parameters: Mapping[str, Decimal]
) -> Iterator[Hit]:
    for line in lines:
        if line.text("fraction") == "mixed":
            yield Hit(line.key, "fraction")


WASTE = Kind(
    key="waste",
    title=Text("Avfall", "Waste"),
    fields=(
        Field("fraction", Text("Fraksjon", "Fraction"), FieldType.CHOICE, choices=FRACTIONS),
        Field("tonnes", Text("Mengde", "Amount"), FieldType.NUMBER, unit="t", minimum=Decimal(0), provenance=True),
        Field("moved", Text("Kjørt", "Driven"), FieldType.NUMBER, unit="km", required=False, provenance=True),
        Field("receiver", Text("Mottak", "Receiver"), FieldType.TEXT, required=False),
        Field("weighed_on", Text("Veid", "Weighed"), FieldType.DATE, required=False),
    ),
    indicators=(
        Indicator(
            "sorted_share",
            Text("Sorteringsgrad", "Sorting rate"),
            Text("Trevirke delt på alt avfall.", "Wood divided by all waste."),
            "%",
            "share",
            "tonnes",
            {"fraction": "wood"},
        ),
    ),
    rules=(Rule("sorted", "warning", Text("Sorter avfallet.", "Sort the waste."), "waste.sorted@1"),),
)


def module(kind: Kind, functions: Mapping[str, Function]) -> KindModule:
    made = ModuleType(kind.key)
    made.__dict__.update(KIND=kind, FUNCTIONS=functions)
    return cast("KindModule", made)


WASTE_MODULE = module(WASTE, cast("Mapping[str, Function]", {"waste.sorted@1": refuse_mixed}))
CATALOGUE = kinds.catalogue((*kinds.MODULES, WASTE_MODULE))
MACHINES = (Choice("m-1", same("Gravemaskin 1")), Choice("m-2", same("Hjullaster 2")))
EVERY = [each.bound({"machines": MACHINES, "vehicles": MACHINES}) for each in CATALOGUE.kinds.values()]
every_kind = pytest.mark.parametrize("kind", EVERY, ids=lambda kind: kind.key)


def some_value(column: Field) -> st.SearchStrategy[Parsed]:
    given_value: st.SearchStrategy[Parsed]
    match column.type:
        case FieldType.CHOICE:
            given_value = st.sampled_from([choice.key for choice in column.choices])
        case FieldType.NUMBER:
            most = int(min(column.maximum or 10**6, Decimal(10**6)))
            given_value = st.decimals(0, most, places=3)
        case FieldType.DATE:
            given_value = st.dates(date(2000, 1, 1), date(2040, 1, 1))
        case FieldType.TEXT:
            given_value = st.text("abcæøå 123", min_size=1).map(str.strip).filter(bool)
    return given_value if column.required else st.none() | given_value


def some_line(kind: Kind) -> st.SearchStrategy[dict[str, Parsed]]:
    return st.fixed_dictionaries({column.key: some_value(column) for column in kind.columns}).filter(
        lambda raw: all(raw[f.key] is None or raw[f"{f.key}_source"] for f in kind.fields if f.provenance)
    )


@every_kind
def test_a_kind_survives_json_and_keeps_its_hash(kind: Kind) -> None:
    described = CATALOGUE.kinds[kind.key]
    stored = json.loads(json.dumps(described.dump()))
    assert Kind.load(stored, CATALOGUE.functions) == described
    assert Kind.load(stored).content_hash == described.content_hash


@every_kind
def test_a_contracts_own_choices_change_neither_description_nor_hash(kind: Kind) -> None:
    assert kind.dump() == CATALOGUE.kinds[kind.key].dump()
    assert kind.content_hash == CATALOGUE.kinds[kind.key].content_hash


@every_kind
def test_every_word_stands_in_both_languages(kind: Kind) -> None:
    words = [kind.title, *(column.label for column in kind.columns), *(column.hint for column in kind.columns)]
    words += [word for each in kind.indicators for word in (each.title, each.sentence)]
    words += [choice.label for column in kind.columns for choice in column.choices]
    words += [rule.text for rule in kind.rules] + [each.source for rule in kind.rules for each in rule.parameters]
    assert all(word.nb.strip() and word.en.strip() for word in words if word is not None)


@every_kind
@unhurried
@given(data=st.data())
def test_a_line_survives_every_surface(kind: Kind, data: st.DataObject) -> None:
    raw = data.draw(some_line(kind))
    values, problems = kind.read(cast("dict[str, Raw]", raw))
    assert problems == ()
    assert json.loads(json.dumps(values)) == values
    assert kind.read(cast("dict[str, Raw]", kind.typed(values))).values == values
    for language in ("nb", "en"):
        assert kind.read(cast("dict[str, Raw]", kind.inputs(values, language))).values == values
        shown = {column.key: kind.display(column.key, values, language) for column in kind.columns}
        assert all(bool(shown[key]) is bool(text) for key, text in kind.flat(values).items())


@every_kind
@unhurried
@given(data=st.data())
def test_any_lines_can_be_checked_and_counted(kind: Kind, data: st.DataObject) -> None:
    drawn = data.draw(st.lists(some_line(kind), max_size=4))
    lines = [Line(f"line-{n}", kind.read(cast("dict[str, Raw]", raw)).values) for n, raw in enumerate(drawn)]
    setting = replace(SETTING, previous=lines[:2])
    keys = {line.key for line in lines}
    for problem in kind.check(lines, setting):
        assert problem.rule in {f"{kind.key}.{rule.key}" for rule in kind.rules}
        assert problem.line in keys
        assert problem.field in {column.key for column in kind.columns}
        assert not {"{", "}"} & set(problem.text.nb + problem.text.en)
    measures = kind.measure(lines, setting)
    assert list(measures) == [line.key for line in lines]
    for indicator in kind.indicators:
        threshold = kind.column(indicator.choices_of).choices[1].key if indicator.choices_of else None
        tally = kind.figure(indicator.key, measures, threshold)
        assert (tally.value is None) is (tally.reason is not None)
        assert set(tally.lines) <= keys
        assert tally.unit == indicator.unit


@every_kind
def test_a_half_filled_line_can_be_checked_and_counted(kind: Kind) -> None:
    empty = Line("empty", kind.read({}).values)
    assert empty.values == {}
    kind.check([empty], SETTING)
    assert all(measure.amount <= 1 for measure in kind.measure([empty], SETTING)["empty"])


# Columns and provenance


def test_the_source_of_a_figure_has_its_own_column_after_it() -> None:
    machines = kinds.kind("machinery")
    assert [column.key for column in machines.columns] == [
        "machine",
        "carrier",
        "stage",
        "hours",
        "amount",
        "amount_source",
    ]
    source = machines.column("amount_source")
    assert (source.label, source.type, source.choices) == (Text("Kilde", "Source"), FieldType.CHOICE, PROVENANCE)


def test_two_sources_are_told_apart() -> None:
    assert WASTE.column("tonnes_source").label == Text("Kilde: Mengde", "Source: Amount")
    assert WASTE.column("moved_source").label == Text("Kilde: Kjørt", "Source: Driven")
    assert WASTE.column("tonnes_source").required
    assert not WASTE.column("moved_source").required


def test_a_value_is_stored_with_unit_and_source() -> None:
    read = fuel.KIND.read(
        {
            "entry": "Leveranse",
            "product": "Diesel",
            "amount": "2 110,50",
            "amount_source": "Faktura",
            "supplier": "Nordlys Drivstoff AS",
            "invoice": Decimal(1001),
            "delivered_on": "14.3.26",
        }
    )
    assert read.problems == ()
    assert read.values == {
        "entry": {"value": "delivery"},
        "product": {"value": "diesel"},
        "amount": {"value": "2110.5", "unit": "l", "source": "invoice"},
        "supplier": {"value": "Nordlys Drivstoff AS"},
        "invoice": {"value": "1001"},
        "delivered_on": {"value": "2026-03-14"},
    }


def test_the_unit_follows_the_carrier() -> None:
    for carrier, unit in (("diesel", "l"), ("electricity", "kWh"), ("hydrogen", "kg")):
        assert fuel.KIND.read({"product": carrier, "amount": "1"}).values["amount"]["unit"] == unit
    assert "unit" not in fuel.KIND.read({"amount": "1"}).values["amount"]


def test_nought_needs_no_source_and_keeps_one_that_is_given() -> None:
    line: dict[str, Raw] = {"fraction": "wood", "tonnes": "0,0"}
    assert WASTE.read(line) == ({"fraction": {"value": "wood"}, "tonnes": {"value": "0", "unit": "t"}}, ())
    assert WASTE.read({**line, "tonnes_source": "faktura"}).values["tonnes"]["source"] == "invoice"
    assert [p.rule for p in WASTE.read({**line, "tonnes_source": "gjettet"}).problems] == ["choice"]


def test_a_figure_without_its_source_is_a_problem_also_where_the_figure_is_optional() -> None:
    line: dict[str, Raw] = {"fraction": "wood", "tonnes": "1", "tonnes_source": "målt"}
    assert WASTE.read(line).problems == ()
    assert [(p.rule, p.field) for p in WASTE.read({**line, "moved": "4"}).problems] == [("required", "moved_source")]
    assert WASTE.read({**line, "moved_source": "målt"}) == WASTE.read(line)


def test_what_can_be_read_is_kept_beside_what_cannot() -> None:
    read = WASTE.read({"fraction": "wood", "tonnes": "1,234", "tonnes_source": "gjettet", "weighed_on": "31.02.2026"})
    assert read.values == {"fraction": {"value": "wood"}}
    assert [(problem.rule, problem.field) for problem in read.problems] == [
        ("number_unclear", "tonnes"),
        ("choice", "tonnes_source"),
        ("date", "weighed_on"),
    ]


def test_values_are_shown_with_label_unit_and_decimal_comma() -> None:
    values = WASTE.read(
        {"fraction": "mixed", "tonnes": "1 234,5", "tonnes_source": "telematikk", "weighed_on": "1.4.26"}
    ).values
    shown = {column.key: WASTE.display(column.key, values, "nb") for column in WASTE.columns}
    assert shown == {
        "fraction": "Restavfall",
        "tonnes": "1\u00a0234,5\u00a0t",
        "tonnes_source": "telematikk",
        "moved": "",
        "moved_source": "",
        "receiver": "",
        "weighed_on": "01.04.2026",
    }
    assert WASTE.display("tonnes", values, "en") == "1\u00a0234.5\u00a0t"
    assert WASTE.words("fraction", values) == Text("Restavfall", "Mixed waste")


def test_a_machine_that_has_left_the_contract_is_still_shown() -> None:
    assert machinery.KIND.display("machine", {"machine": {"value": "m-7"}}, "nb") == "m-7"


# A third kind


def test_a_new_kind_needs_only_its_module(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds, "MODULES", (*kinds.MODULES, WASTE_MODULE))
    assert list(kinds.kinds()) == ["machinery", "transport", "energy", "fuel", "waste"]
    waste = kinds.kind("waste")
    assert kinds.load(waste.dump()) == waste
    lines = [
        Line("a", waste.read({"fraction": "wood", "tonnes": "3", "tonnes_source": "målt"}).values),
        Line("b", waste.read({"fraction": "mixed", "tonnes": "1", "tonnes_source": "målt"}).values),
    ]
    assert [(problem.rule, problem.line) for problem in waste.check(lines, SETTING)] == [("waste.sorted", "b")]
    assert waste.figure("sorted_share", waste.measure(lines, SETTING)).value == 75


def test_four_kinds_ship_and_every_share_of_theirs_has_a_written_definition() -> None:
    assert list(kinds.kinds()) == ["machinery", "transport", "energy", "fuel"]
    for kind in (kinds.WHOLE_SITE, *kinds.kinds().values()):
        assert kinds.load(kind.dump()) == kind
        for indicator in kind.indicators:
            assert (indicator.aggregate == "share") is (indicator.definition is not None), indicator.key
            if (
                indicator.definition
                and indicator.measure in {"energy", "work", "hours"}
                and indicator.where.get("zero_emission")
            ):
                assert len(indicator.definition.cases) == 6, indicator.key


def test_a_rules_figures_are_those_in_force_on_the_day() -> None:
    known = [
        Parameter("most", Decimal(number), date(year, 1, 1), same("vedtak"))
        for number, year in ((24, 2020), (20, 2026))
    ]
    rule = Rule("x", "info", same("x"), "x@1", tuple(reversed(known)))
    assert rule.parameters_on(date(2019, 12, 31)) == {}
    assert rule.parameters_on(date(2025, 12, 31)) == {"most": Decimal(24)}
    assert rule.parameters_on(date(2026, 1, 1)) == {"most": Decimal(20)}


def test_a_key_or_function_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="machinery"):
        kinds.catalogue((machinery, machinery))
    with pytest.raises(ValueError, match=r"general\.measures@1"):
        kinds.catalogue((module(WASTE, general.FUNCTIONS),))


def test_a_function_that_is_not_here_is_refused_before_anything_is_counted() -> None:
    later = replace(WASTE, measures="waste.measures@2")
    with pytest.raises(UnknownFunction, match=r"waste\.measures@2"):
        kinds.catalogue((module(later, {}),))
    with pytest.raises(UnknownFunction, match=r"waste\.measures@2"):
        kinds.load(later.dump())
    with pytest.raises(UnknownFunction, match=r"waste\.sorted@1"):
        WASTE.check([Line("a", {})], SETTING)


AMOUNT = Field("amount", same("Amount"), FieldType.NUMBER)


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"key": "Waste 1"}, "no key"),
        ({"fields": (AMOUNT, AMOUNT)}, "same key"),
        ({"fields": (replace(AMOUNT, provenance=True), replace(AMOUNT, key="amount_source"))}, "same key"),
        ({"title": Text("A" * 32, "A")}, "sheet"),
        ({"title": Text("A/B", "A")}, "sheet"),
        ({"title": Text("", "A")}, "sheet"),
        ({"fields": (replace(AMOUNT, unit_from="carrier"),)}, "unit of 'amount'"),
        ({"fields": (Field("carrier", same("Carrier"), FieldType.CHOICE),)}, "no choices"),
        ({"fields": (replace(WASTE.fields[0], choices=(FRACTIONS[0], FRACTIONS[0])),)}, "two choices"),
        ({"fields": (Field("text", same("Text"), FieldType.TEXT, provenance=True),)}, "no number"),
        ({"fields": (replace(AMOUNT, minimum=Decimal(2), maximum=Decimal(1)),)}, "limits"),
        ({"indicators": (replace(WASTE.indicators[0], choices_of="stage"),)}, "ordered by 'stage'"),
    ],
)
def test_a_description_that_no_surface_could_draw_is_refused(changed: dict[str, object], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        replace(WASTE, **changed)  # type: ignore[arg-type]


def test_an_attribute_added_later_changes_no_pinned_hash() -> None:
    """What has its default is not stored, so the descriptions of yesterday read and hash as they did."""
    stored = WASTE.dump()
    assert stored["fields"][3] == {
        "key": "receiver",
        "label": {"nb": "Mottak", "en": "Receiver"},
        "type": "text",
        "required": False,
    }
    assert replace(WASTE, rules=()).content_hash != WASTE.content_hash
