"""Which variables a process reads and sets, and which it must therefore be given when it starts."""

import ast
from collections.abc import Mapping

from portal.workflow.diagram import Diagram, Node


def names_in(expression: str) -> frozenset[str]:
    """The variables an expression reads. It must have passed `expressions.check`."""
    return frozenset(node.id for node in ast.walk(ast.parse(expression, mode="eval")) if isinstance(node, ast.Name))


def expressions_of(diagram: Diagram, node: Node) -> tuple[str, ...]:
    """What is evaluated on arrival at `node`: its own expressions, those of its exits and of events on its edge."""
    exits = diagram.out(node.id)
    beyond = [diagram.nodes[flow.target].timer for flow in exits if node.kind == "eventBasedGateway"]
    timers = [node.timer if not node.host else "", *(event.timer for event in diagram.boundary(node.id)), *beyond]
    found = [*node.parameters.values(), *(flow.condition for flow in exits), *timers]
    return tuple(expression for expression in found if expression)


def needed_at_start(
    diagram: Diagram, reads: Mapping[str, frozenset[str]], gives: Mapping[str, tuple[str, ...]]
) -> set[str]:
    """Variables that some path reads before any step on it has set them.

    `reads` and `gives` are the variables that decision tables read and set, by decision id.
    """
    at = {id_: _read_at(diagram, node) | reads.get(node.decision, frozenset()) for id_, node in diagram.nodes.items()}
    sets = {id_: {*node.gives, node.result, *gives.get(node.decision, ())} for id_, node in diagram.nodes.items()}
    everything = frozenset[str]().union(*at.values())
    return {name for name in everything if any(name in at[node] for node in _reached_without(diagram, name, sets))}


def _read_at(diagram: Diagram, node: Node) -> frozenset[str]:
    return frozenset[str]().union(*(names_in(expression) for expression in expressions_of(diagram, node)))


def _reached_without(diagram: Diagram, name: str, sets: Mapping[str, set[str]]) -> set[str]:
    """The nodes a path can arrive at while `name` is unset. An event on an edge sees what its host saw on arrival."""
    arrived: set[str] = set()
    todo = [diagram.start()]
    while todo:
        node = todo.pop()
        if node not in arrived:
            arrived.add(node)
            todo += [event.id for event in diagram.boundary(node)]
            todo += diagram.following(node) if name not in sets[node] else ()
    return arrived
