"""Decision tables: refused where the engine would decide something else than the table says, else decided right."""

import pytest

from portal.errors import BadDefinition
from portal.workflow import load_definitions
from tests.unit.decision_tables import PROCESS, table
from tests.unit.workflow_driver import Drive, definition, document

PLAIN = [("> 0", '"some"'), ("-", '"none"')]


def decided(text: str, amount: object) -> object:
    process = definition(PROCESS, tables={"choice.dmn": text})
    return Drive(process, {"amount": amount}).instance.data["found"]


@pytest.mark.parametrize(
    "policy", ["", *(f' hitPolicy="{p}"' for p in ("UNIQUE", "ANY", "COLLECT", "RULE ORDER", "PRIORITY"))]
)
def test_only_first_is_what_the_engine_does(policy: str) -> None:
    _refused(table(PLAIN, policy), "table", "only FIRST is")


@pytest.mark.parametrize(
    "cell",
    [
        "not(5)",
        "1,2,5",
        "[1..5]",
        "]1..5[",
        "(1..5)",
        "1 or 2",
        "[1]",
        "> 5, < 3",
        "in (1, 2)",
        "not in (1, 2)",
        "x.y",
        "len(?)",
        "__import__('os')",
    ],
)
def test_cells_that_silently_fail_are_refused(cell: str) -> None:
    _refused(table([(cell, '"x"'), ("-", '"y"')]), "if_0", "")


@pytest.mark.parametrize("result", ["", "1.5", "open('x')", "[1, 2]", "x.y", "{'a': 1}"])
def test_outputs_that_are_no_plain_value_are_refused(result: str) -> None:
    _refused(table([("-", result)]), "then_0", "")


@pytest.mark.parametrize(
    "rules", [[("> 0", '"x"')], [("-", '"x"'), ("> 0", '"y"')], []], ids=["partial", "last partial", "none"]
)
def test_a_table_that_may_find_nothing_is_refused(rules: list[tuple[str, str]]) -> None:
    _refused(table(rules), "table", "the last rule must match everything")


def test_a_rule_that_hides_others_is_refused() -> None:
    _refused(table([("-", '"x"'), ("-", '"y"')]), "rule_0", "never reached")


@pytest.mark.parametrize(
    ("text", "element", "reason"),
    [
        (table(PLAIN, column=""), "in", "needs an expression"),
        (table(PLAIN, column="a + b"), "in", "a variable or a part of one"),
        (table(PLAIN, column="a()"), "in", "expression"),
        (table(PLAIN, output="a.b"), "out", "not a variable name"),
        (table([(" -", '"x"')]), "if_0", "white space"),
        (
            table(PLAIN).replace('<output id="out"', '<output id="also" name="also"/><output id="out"'),
            "rule_0",
            "one cell",
        ),
        (
            table(PLAIN).replace("</decision>", '</decision><decision id="other" name="Other"/>'),
            "tables",
            "one decision",
        ),
        (table(PLAIN).replace("decisionTable", "literalExpression"), "table", "not supported"),
        (table(PLAIN).replace('<output id="out"', '<annotation id="note"/><output id="out"'), "note", "not supported"),
        ("<!DOCTYPE x>" + table(PLAIN), "", "document type"),
    ],
)
def test_tables_of_another_kind_are_refused(text: str, element: str, reason: str) -> None:
    _refused(text, element, reason)


def test_two_tables_of_one_name_are_refused(tmp_path) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    for name in ("a.dmn", "b.dmn"):
        (tmp_path / name).write_text(table(PLAIN), encoding="utf-8")
    with pytest.raises(BadDefinition, match=r"b\.dmn: choice: another file"):
        load_definitions(tmp_path)


def test_a_table_drawn_by_an_editor_is_admitted() -> None:
    drawing = '<d:DMNDI xmlns:d="https://www.omg.org/spec/DMN/20191111/DMNDI/"><d:DMNDiagram/></d:DMNDI>'
    definition(PROCESS, tables={"choice.dmn": table(PLAIN).replace("</definitions>", f"{drawing}</definitions>")})


@pytest.mark.parametrize(
    ("cell", "matching", "other"),
    [
        ("5", 5, 6),
        ("-5", -5, 5),
        ('"a"', "a", "b"),
        ('"?"', "?", "b"),
        ("True", True, False),
        ("> 5", 6, 5),
        ("!= 5", 6, 5),
        ("? in (1, 2, 5)", 2, 3),
        ("1 < ? <= 5", 5, 1),
        ("? == 1 or ? == 3", 3, 2),
        ("limit", 100, 99),
    ],
)
def test_cells_decide_as_they_read(cell: str, matching: object, other: object) -> None:
    text = table([(cell, '"yes"'), ("", '"no"')])
    process = definition(PROCESS, tables={"choice.dmn": text})
    found = [Drive(process, {"amount": value, "limit": 100}).instance.data["found"] for value in (matching, other)]
    assert found == ["yes", "no"]


def test_the_first_of_several_matching_rules_decides() -> None:
    text = table([("> 10", '"many"'), ("> 0", '"some"'), ("-", "amount")])
    assert [decided(text, amount) for amount in (11, 1, 0)] == ["many", "some", 0]


def test_a_table_reads_and_gives_variables() -> None:
    process = definition(PROCESS, tables={"choice.dmn": table([("> 0", "fallback"), ("-", '"x"')])})
    assert process.needed_at_start == {"amount", "fallback"}
    assert document(PROCESS) == process.bpmn[1]


def _refused(text: str, element: str, reason: str) -> None:
    with pytest.raises(BadDefinition) as refused:
        definition(PROCESS, tables={"choice.dmn": text})
    assert (refused.value.file, refused.value.element) == ("choice.dmn", element)
    assert reason in refused.value.reason
