"""Every diagram of the house is driven whole: each flow, each loop none, once and twice, each deadline kept and missed.

The scenarios live beside what they tell of, as SCENARIOS in `test_workflow_<diagram>.py`. A diagram or a decision table
without them, or a new flow that none of them takes, fails here.
"""

import importlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from unittest import mock

import pytest
from lxml import etree
from SpiffWorkflow.dmn.engine.DMNEngine import DMNEngine

from portal import resources
from portal.workflow.diagram import Diagram, Flow
from tests.unit.workflow_driver import DEFINITIONS, Drive

DMN = "{https://www.omg.org/spec/DMN/20191111/MODEL/}"
EACH_DIAGRAM = pytest.mark.parametrize("name", sorted(path.stem for path in resources.WORKFLOWS.glob("*.bpmn")))
EACH_TABLE = pytest.mark.parametrize("name", sorted(path.name for path in resources.WORKFLOWS.glob("*.dmn")))


def scenarios_of(name: str) -> Mapping[str, Callable[[], Drive]]:
    """What is told of a diagram."""
    found: Mapping[str, Callable[[], Drive]] = importlib.import_module(f"tests.unit.test_workflow_{name}").SCENARIOS
    return found


@cache
def told(name: str) -> tuple[list[Counter[str]], frozenset[str]]:
    """How often each scenario of a diagram passed each element, and the rules of decision tables that decided."""
    decided: set[str] = set()
    decide = DMNEngine.decide

    def noting(self: DMNEngine, task: object) -> list[object]:
        rules: list[object] = decide(self, task)
        decided.update(rule.id for rule in rules[:1])  # type: ignore[attr-defined]
        return rules

    with mock.patch.object(DMNEngine, "decide", noting):
        passed = [Counter(scenario().passed) for scenario in scenarios_of(name).values()]
    return passed, frozenset(decided)


def loops(name: str) -> Iterator[Flow]:
    """The flows that lead back to where the process has been."""
    definition = DEFINITIONS[name]
    diagram, place = definition.diagram, {node: index for index, node in enumerate(definition.order)}
    for flow in diagram.flows:
        if place[flow.target] <= place[flow.source] and flow.source in _reached(diagram, flow.target):
            yield flow


def _reached(diagram: Diagram, start: str) -> set[str]:
    found: set[str] = set()
    todo = [start]
    while todo:
        node = todo.pop()
        if node not in found:
            found.add(node)
            todo += [*diagram.following(node), *(event.id for event in diagram.boundary(node))]
    return found


@EACH_DIAGRAM
def test_every_node_and_flow_is_taken(name: str) -> None:
    passed = {element for counted in told(name)[0] for element in counted}
    diagram = DEFINITIONS[name].diagram
    assert {flow.id for flow in diagram.flows} - passed == set()
    assert diagram.nodes.keys() - passed == set()


@EACH_DIAGRAM
def test_every_loop_is_taken_never_once_and_twice(name: str) -> None:
    found = list(loops(name))
    assert found, f"{name} has loops; they are to be found"
    for flow in found:
        times = {counted[flow.id] for counted in told(name)[0]}
        assert {0, 1, 2} <= times, (flow.id, sorted(times))


@EACH_DIAGRAM
def test_every_event_on_an_edge_or_behind_a_gateway_comes_and_stays_away(name: str) -> None:
    """A deadline that is missed and kept; a message that comes and does not, while what it waits at goes by."""
    diagram = DEFINITIONS[name].diagram
    waits = {node.id: {node.host} for node in diagram.nodes.values() if node.host}
    waits |= {
        flow.target: {flow.source} for flow in diagram.flows if diagram.nodes[flow.source].kind == "eventBasedGateway"
    }
    for event, (place,) in ((event, tuple(places)) for event, places in waits.items()):
        visited = [counted for counted in told(name)[0] if counted[place] or counted[event]]
        assert any(counted[event] for counted in visited), f"{event} never comes"
        assert any(not counted[event] and counted[place] for counted in visited), f"{event} always comes"


@EACH_TABLE
def test_every_rule_of_a_table_decides_somewhere(name: str) -> None:
    rules = {rule.get("id") for rule in etree.parse(resources.WORKFLOWS / name).iter(f"{DMN}rule")}
    assert rules
    assert rules - frozenset().union(*(told(diagram)[1] for diagram in DEFINITIONS)) == set()


def test_a_flow_that_nobody_takes_is_told() -> None:
    """The counting itself: with the scenario that alone takes a loop twice left out, the loop is missed."""
    [back] = [flow for flow in loops("sanction") if flow.source == "delivery_confirmed"]
    counted = [each[back.id] for each in told("sanction")[0]]
    assert sorted(set(counted)) == [0, 1, 2]
    assert counted.count(2) == 1
