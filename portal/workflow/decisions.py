"""DMN decision tables: read, and refused where the engine would silently decide something else than the table says."""

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass

from lxml import etree

from portal import expressions
from portal.errors import BadDefinition
from portal.workflow.diagram import Element, local, read_xml
from portal.workflow.variables import names_in

_TABLE = {"decisionTable", "input", "inputExpression", "output", "rule", "inputEntry", "outputEntry"}
_ALLOWED = _TABLE | {"definitions", "decision", "description", "text"}
_ANY = ("", "-")
_PLACEHOLDER = "dmninputexpr"
_QUESTION_MARK = re.compile(r"""\?(?=(?:[^'"]|['"][^'"]*['"])*$)""")  # outside quotes, as the engine reads it


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision table: the variables it reads and those it sets."""

    id: str
    file: str
    reads: frozenset[str]
    gives: tuple[str, ...]


def read_decision(file: str, text: str) -> Decision:
    """Read and judge one DMN file. Raises `BadDefinition` naming the file, the element and the reason."""
    root = read_xml(file, text)
    dmn = f"{{{etree.QName(root).namespace}}}"
    decisions, tables = list(root.iter(f"{dmn}decision")), list(root.iter(f"{dmn}decisionTable"))
    for element in {*root.iter(f"{dmn}*"), *(inside for decision in decisions for inside in decision.iter())}:
        if not element.tag.startswith(dmn) or local(element) not in _ALLOWED:
            raise BadDefinition(file, _id(element), f"{local(element)} is not supported: one plain decision table is")
        if any((text.text or "") != (text.text or "").strip() for text in _children(element, "text")):
            raise BadDefinition(file, _id(element), "white space around a cell changes what the engine reads")
    if len(decisions) != 1 or len(tables) != 1:
        raise BadDefinition(file, _id(root), "a file must hold one decision with one decision table")
    inputs = [_input(file, element) for element in _children(tables[0], "input")]
    outputs = [_output(file, element) for element in _children(tables[0], "output")]
    expressions_read = [*inputs, *_rules(file, tables[0], inputs, len(outputs))]
    reads = frozenset().union(*(names_in(expression) for expression in expressions_read)) - {_PLACEHOLDER}
    return Decision(_id(decisions[0]), file, reads, tuple(outputs))


def _input(file: str, element: Element) -> str:
    """The expression of an input column: a plain one, since the engine puts the cell's comparison right behind it."""
    expression = _text(_children(element, "inputExpression")[0]) if _children(element, "inputExpression") else ""
    if not expression:
        raise BadDefinition(file, _id(element), "an input needs an expression")
    _check(file, _id(element), expression)
    if not isinstance(ast.parse(expression, mode="eval").body, ast.Name | ast.Subscript):
        raise BadDefinition(file, _id(element), f"input {expression!r} must be a variable or a part of one")
    return expression


def _output(file: str, element: Element) -> str:
    name = element.get("name", "")
    if not name.isidentifier():
        raise BadDefinition(file, _id(element), f"output name {name!r} is not a variable name")
    return name


def _rules(file: str, table: Element, inputs: list[str], outputs: int) -> list[str]:
    """All expressions of the rules. The table must be FIRST and end with a rule that takes everything."""
    policy = table.get("hitPolicy", "UNIQUE")
    if policy != "FIRST":
        raise BadDefinition(file, _id(table), f"hit policy {policy} is not what the engine does; only FIRST is")
    rules = _children(table, "rule")
    if not rules or any(_text(cell) not in _ANY for cell in _children(rules[-1], "inputEntry")):
        raise BadDefinition(file, _id(table), "the last rule must match everything (all -), or a result may be missing")
    found: list[str] = []
    for rule in rules:
        cells, results = _children(rule, "inputEntry"), _children(rule, "outputEntry")
        if len(cells) != len(inputs) or len(results) != outputs:
            raise BadDefinition(file, _id(rule), "a rule must have one cell for each column")
        if rule is not rules[-1] and all(_text(cell) in _ANY for cell in cells):
            raise BadDefinition(
                file, _id(rule), "this rule matches everything, so the rules after it are never reached"
            )
        tests = [_test(file, cell, expression) for cell, expression in zip(cells, inputs, strict=True)]
        found += [*filter(None, tests), *(_result(file, cell) for cell in results)]
    return found


def _result(file: str, cell: Element) -> str:
    expression = _text(cell)
    value = _parse(expression)
    plain = isinstance(value, ast.Constant) and isinstance(value.value, str | int | None)
    if not (plain or isinstance(value, ast.Name | ast.Subscript)):
        raise BadDefinition(
            file, _id(cell), f"output {expression!r} must be a text, a whole number, True, False or a variable"
        )
    return _check(file, _id(cell), expression)


def _test(file: str, cell: Element, column: str) -> str:
    """The expression that the engine evaluates for an input cell, '' for one that takes everything."""
    text = _text(cell)
    if text in _ANY:
        return ""
    asked = _QUESTION_MARK.sub(_PLACEHOLDER, text)
    if _PLACEHOLDER in asked:
        return _check(file, _id(cell), asked)
    value, comparison = _parse(text), _parse(f"{_PLACEHOLDER} {text}")
    if isinstance(value, ast.Constant | ast.Name | ast.Subscript) or _is_negative(value):
        return _check(file, _id(cell), f"({column}) == ({text})")
    glued = text[0].isalpha()  # the engine puts no space between the input and a word such as `in`
    if value is None and isinstance(comparison, ast.Compare) and isinstance(comparison.left, ast.Name) and not glued:
        return _check(file, _id(cell), f"{column} {text}")
    reason = f"cell {text!r} must be -, a value, a comparison such as > 5, or a test of ? such as ? in (1, 2)"
    raise BadDefinition(file, _id(cell), reason)


def _is_negative(value: ast.expr | None) -> bool:
    return isinstance(value, ast.UnaryOp) and isinstance(value.op, ast.USub) and isinstance(value.operand, ast.Constant)


def _parse(text: str) -> ast.expr | None:
    try:
        return ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError):
        return None


def _check(file: str, element: str, expression: str) -> str:
    try:
        expressions.check(expression)
    except expressions.ExpressionRefused as refused:
        raise BadDefinition(file, element, f"expression {expression!r}: {refused}") from refused
    return expression


def _children(parent: Element, name: str) -> list[Element]:
    return [child for child in parent if local(child) == name]


def _text(element: Element) -> str:
    return "".join(child.text or "" for child in _children(element, "text")).strip()


def _id(element: Element) -> str:
    return element.get("id", "")


def by_id(files: Mapping[str, str]) -> dict[str, Decision]:
    """The decisions of a set of DMN files; an id used twice is refused."""
    found: dict[str, Decision] = {}
    for file, text in files.items():
        decision = read_decision(file, text)
        if decision.id in found:
            raise BadDefinition(file, decision.id, "another file has a decision of the same id")
        found[decision.id] = decision
    return found
