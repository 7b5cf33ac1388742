"""The closed evaluator for conditions in processes and cells of decision tables.

An expression is read into a tree, every node of which is on a short list, and the tree is turned into functions of our
own: nothing is ever given to `eval`. There are no calls, attributes, powers or loops, so an expression ends after as
many steps as it has nodes; numbers are bounded, so none of them grows.
"""

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal, DecimalException
from functools import lru_cache
from typing import Any, TypeAlias, cast

LONGEST = 500
MOST_NODES = 80
LARGEST: int = 10**18

_PLAIN_TYPES = frozenset({str, int, bool, type(None), Decimal, date, list, tuple, dict})
_SEQUENCES = (list, tuple)
_NUMBERS = (int, Decimal)
_PLAIN_FAMILIES = (str, int, date, list, tuple, Mapping)

Names: TypeAlias = Mapping[str, object]
_Comparison: TypeAlias = Callable[[Any, Any], object]
_Step: TypeAlias = Callable[[Names], object]


class ExpressionRefused(ValueError):
    """The text is no expression that may run here. `is_syntax`: it does not even parse."""

    def __init__(self, reason: str, *, is_syntax: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.is_syntax = reason, is_syntax


class ExpressionFailed(ValueError):
    """The expression may run, yet has no value for these names: one is missing, or of the wrong type."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def check(expression: str) -> None:
    """Do nothing for an expression that may run; else raise ExpressionRefused."""
    _compiled(expression)


def evaluate(expression: str, names: Names) -> object:
    """The value of an expression for `names`; numbers with a fraction come out as Decimal.

    Raises ExpressionRefused, or ExpressionFailed when these names give it no value.
    """
    return _compiled(expression)(names)


@lru_cache(maxsize=1024)
def _compiled(expression: str) -> _Step:
    if len(expression) > LONGEST:
        raise ExpressionRefused(f"longer than {LONGEST} characters")
    if "\\" in expression or "\0" in expression:
        raise ExpressionRefused("backslashes and NUL are not allowed")
    try:
        tree = ast.parse(expression.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ExpressionRefused(f"not an expression: {error}", is_syntax=True) from error
    if sum(1 for _ in ast.walk(tree)) > MOST_NODES:
        raise ExpressionRefused(f"more than {MOST_NODES} parts")
    return _step(tree.body)


def _step(node: ast.expr) -> _Step:
    build = _BUILDERS.get(type(node))
    if build is None:
        raise ExpressionRefused(f"{type(node).__name__} is not allowed")
    return build(node)


def _constant(node: ast.Constant) -> _Step:
    if node.value is not None and not isinstance(node.value, str | int | float):
        raise ExpressionRefused(f"{_kind(node.value)} is not allowed")
    value = _plain(node.value)
    if isinstance(value, int | Decimal):
        try:
            _within(value)
        except ExpressionFailed as error:
            raise ExpressionRefused(error.reason) from error
    return lambda _names: value


def _name(node: ast.Name) -> _Step:
    name = node.id
    if name.startswith("__"):
        raise ExpressionRefused(f"the name {name} is not allowed")

    def step(names: Names) -> object:
        if name not in names:
            raise ExpressionFailed(f"{name} has no value")
        return names[name]

    return step


def _subscript(node: ast.Subscript) -> _Step:
    key = node.slice.value if isinstance(node.slice, ast.Constant) else None
    if isinstance(key, bool) or not isinstance(key, str | int):
        raise ExpressionRefused("what stands in [ ] must be a plain text or number")
    whole = _step(node.value)

    def step(names: Names) -> object:
        value = whole(names)
        if isinstance(value, Mapping) and key in value:
            return cast("object", value[key])
        if isinstance(key, int) and isinstance(value, _SEQUENCES) and key < len(value):
            return cast("object", value[key])
        raise ExpressionFailed(f"there is no [{key!r}]")

    return step


def _both_or_either(node: ast.BoolOp) -> _Step:
    stops_at = isinstance(node.op, ast.Or)
    parts = [_step(value) for value in node.values]

    def step(names: Names) -> object:
        value: object = None
        for part in parts:
            value = part(names)
            if bool(value) is stops_at:
                break
        return value

    return step


def _unary(node: ast.UnaryOp) -> _Step:
    operand = _step(node.operand)
    if isinstance(node.op, ast.Not):
        if isinstance(node.operand, ast.Constant):
            raise ExpressionRefused("not of a fixed value always gives the same")
        return lambda names: not operand(names)
    if isinstance(node.op, ast.USub):
        return lambda names: -_number(operand(names))
    if isinstance(node.op, ast.UAdd):
        return lambda names: _number(operand(names))
    raise ExpressionRefused(f"{type(node.op).__name__} is not allowed")


def _arithmetic(node: ast.BinOp) -> _Step:
    work = _ARITHMETIC.get(type(node.op))
    if work is None:
        raise ExpressionRefused(f"{type(node.op).__name__} is not allowed")
    left, right = _step(node.left), _step(node.right)

    def step(names: Names) -> object:
        try:
            return _within(work(_number(left(names)), _number(right(names))))
        except (DecimalException, ZeroDivisionError) as error:
            raise ExpressionFailed(f"cannot be computed: {type(error).__name__}") from error

    return step


def _conditional(node: ast.IfExp) -> _Step:
    test, then, otherwise = _step(node.test), _step(node.body), _step(node.orelse)
    return lambda names: then(names) if test(names) else otherwise(names)


def _comparison(node: ast.Compare) -> _Step:
    first = _step(node.left)
    rest = [_compared(comparison, right) for comparison, right in zip(node.ops, node.comparators, strict=True)]

    def step(names: Names) -> object:
        left = _plain(first(names))
        for compare, operand in rest:
            right = operand(names)
            if not _compare(compare, left, right):
                return False
            left = _plain(right)
        return True

    return step


def _compared(comparison: ast.cmpop, right: ast.expr) -> tuple[_Comparison, _Step]:
    compare = _COMPARISONS[type(comparison)]
    if isinstance(comparison, ast.Is | ast.IsNot):
        if not (isinstance(right, ast.Constant) and (right.value is None or isinstance(right.value, bool))):
            raise ExpressionRefused("is compares with None, True or False only")
        return compare, _step(right)
    if isinstance(comparison, ast.In | ast.NotIn) and isinstance(right, ast.Tuple | ast.List):
        return compare, _listed([_step(element) for element in right.elts])
    return compare, _step(right)


def _listed(elements: Sequence[_Step]) -> _Step:
    return lambda names: tuple(element(names) for element in elements)


def _compare(compare: _Comparison, left: object, right: object) -> object:
    try:
        return compare(left, _plain(right))
    except (TypeError, DecimalException) as error:
        raise ExpressionFailed(f"{_kind(left)} and {_kind(right)} cannot be compared") from error


def _is_in(left: object, right: object) -> bool:
    if isinstance(right, (*_SEQUENCES, Mapping)):
        return any(left == _plain(each) for each in right)
    raise TypeError


def _plain(value: object) -> object:
    """The value as it may be compared: floats of stored data exactly as they are written; no object of another kind."""
    if type(value) in _PLAIN_TYPES or isinstance(value, _PLAIN_FAMILIES):
        return value
    if isinstance(value, float):
        return Decimal(repr(value))
    raise ExpressionFailed(f"{_kind(value)} cannot stand in an expression")


def _number(value: object) -> int | Decimal:
    plain = _plain(value)
    if isinstance(plain, _NUMBERS) and not isinstance(plain, bool):
        return plain
    raise ExpressionFailed(f"{_kind(value)} is no number")


def _within(number: int | Decimal) -> int | Decimal:
    if isinstance(number, Decimal) and not number.is_finite():
        raise ExpressionFailed("the number is not finite")
    if not -LARGEST <= number <= LARGEST:
        raise ExpressionFailed("the number is too large")
    return number


def _kind(value: object) -> str:
    return type(value).__name__


_ARITHMETIC: Mapping[type[ast.operator], Callable[[int | Decimal, int | Decimal], int | Decimal]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: lambda left, right: Decimal(left) / Decimal(right),
}
_COMPARISONS: Mapping[type[ast.cmpop], _Comparison] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: _is_in,
    ast.NotIn: lambda left, right: not _is_in(left, right),
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
}
_BUILDERS: Mapping[type[ast.expr], Callable[..., _Step]] = {
    ast.Constant: _constant,
    ast.Name: _name,
    ast.Subscript: _subscript,
    ast.BoolOp: _both_or_either,
    ast.UnaryOp: _unary,
    ast.BinOp: _arithmetic,
    ast.IfExp: _conditional,
    ast.Compare: _comparison,
}
