"""Judges a BPMN file before it is run. The list of constructs is closed: what is on it is pinned by a test.

SpiffWorkflow accepts much more than it executes faithfully; what it would silently do otherwise is refused here with
the file, the element and the reason.
"""

from collections import Counter
from collections.abc import Collection, Mapping

from portal import expressions
from portal.errors import BadDefinition
from portal.workflow import paths
from portal.workflow.decisions import Decision
from portal.workflow.diagram import BPMN, GATEWAYS, NODES, SPIFF, TASKS, Diagram, Element, Node, local, read_diagram
from portal.workflow.variables import expressions_of

_FRAME = {"definitions", "collaboration", "participant", "message", "process", "laneSet", "lane", "flowNodeRef"}
_WAITING = {"timerEventDefinition", "timeDate", "timeDuration", "messageEventDefinition"}
_LINKS = {"sequenceFlow", "conditionExpression", "incoming", "outgoing", "documentation", "extensionElements"}
_BPMN_ALLOWED = NODES | _FRAME | _WAITING | _LINKS
_SPIFF_ALLOWED = {"serviceTaskOperator", "parameters", "parameter", "calledDecisionId", "properties", "property"}
_UNKNOWN = "is not among the constructs that are known to run right"
_WHY = {
    "scriptTask": "script tasks run free code; call a service instead",
    "preScript": "scripts before a task run free code",
    "postScript": "scripts after a task run free code",
    "signalEventDefinition": "a signal end event throws nothing, and signals reach no other instance",
    "linkEventDefinition": "a link ends the path: its other half is never reached",
    "compensateEventDefinition": "compensation is silently dropped",
    "complexGateway": "complex gateways are not executed",
    "adHocSubProcess": "ad-hoc subprocesses fail when they run",
    "dataObject": "data objects can hang the reader; use variables",
    "dataObjectReference": "data objects can hang the reader; use variables",
    "dataStore": "data stores are not connected to anything",
    "dataStoreReference": "data stores are not connected to anything",
    "multiInstanceLoopCharacteristics": "several instances of a task lose results after a restart",
    "standardLoopCharacteristics": "a loop marker is not tried; draw the loop with a gateway",
    "timeCycle": "repeated timers are not supported; deadlines are absolute",
    "callActivity": "a definition holds one process; called processes are not part of it",
    "messagePayload": "messages come from outside only; a payload is never sent",
    "correlationProperty": "messages are addressed to one instance; correlation is not evaluated",
    "correlationKey": "messages are addressed to one instance; correlation is not evaluated",
}
_ATTRIBUTES = {
    ("triggeredByEvent", "true"): "an event subprocess starts by itself at the wrong time",
    ("isForCompensation", "true"): _WHY["compensateEventDefinition"],
    ("instantiate", "true"): "a process starts at its start event only",
    ("eventGatewayType", "Parallel"): "an event gateway waits for one of its events only",
    ("isExecutable", "false"): "the process is not executable",
}
_RESERVED = ("Start", "End")


def lint(file: str, root: Element, name: str, decisions: Mapping[str, Decision]) -> Diagram:
    """Judge the BPMN document of process `name` and return its diagram. Raises `BadDefinition` at the first fault."""
    _constructs(file, root)
    processes = list(root.iter(f"{BPMN}process"))
    if len(processes) != 1 or processes[0].get("id") != name or len(list(root.iter(f"{BPMN}participant"))) != 1:
        raise BadDefinition(file, name, f"a file must hold one pool with one process of the id {name!r}")
    diagram = read_diagram(root)
    _identifiers(file, root, diagram)
    _connections(file, diagram)
    for node in diagram.nodes.values():
        _node(file, diagram, node, decisions)
    for node_id in paths.unreachable(diagram):
        raise BadDefinition(file, node_id, "no path from the start event leads here")
    for node_id in paths.endless(diagram):
        raise BadDefinition(file, node_id, "a loop where nobody and nothing is waited for never ends")
    _drawing(file, diagram)
    return diagram


def check_services(file: str, diagram: Diagram, services: Collection[str]) -> None:
    """Every service task must call a service that exists."""
    for node in diagram.nodes.values():
        if node.operator and node.operator not in services:
            raise BadDefinition(file, node.id, f"unknown service {node.operator!r}")


def _constructs(file: str, root: Element) -> None:
    inside = next(iter(root.iter(f"{BPMN}process")), root)
    for element in [*root.iter(f"{BPMN}*"), *inside.iter(f"{SPIFF}*"), *_foreign(inside)]:
        kind, space = local(element), element.tag.removesuffix(local(element))
        if kind not in {BPMN: _BPMN_ALLOWED, SPIFF: _SPIFF_ALLOWED}.get(space, ()):
            raise BadDefinition(file, _nearest_id(element), _WHY.get(kind, f"{kind} {_UNKNOWN}"))
        for attribute, why in _ATTRIBUTES.items():
            if attribute in element.attrib.items():
                raise BadDefinition(file, _nearest_id(element), why)
        if kind == "property" and element.get("name") != "gives":
            raise BadDefinition(file, _nearest_id(element), f"property {element.get('name')!r} means nothing here")
        if kind in NODES | {"extensionElements"} and (twice := _twice(element)):
            raise BadDefinition(file, _nearest_id(element), f"{twice} may be there once only")


def _twice(element: Element) -> str:
    """What the engine reads once, and `element` has more than once: event definitions, extensions."""
    kinds = Counter("event definition" if (k := local(child)).endswith("EventDefinition") else k for child in element)
    once = {"event definition", *_SPIFF_ALLOWED}
    return next((kind for kind, times in kinds.items() if times > 1 and kind in once), "")


def _foreign(process: Element) -> list[Element]:
    return [element for element in process.iter() if not element.tag.startswith((BPMN, SPIFF))]


def _identifiers(file: str, root: Element, diagram: Diagram) -> None:
    ids = Counter(id_ for e in root.iter() if not e.tag.startswith(SPIFF) and (id_ := e.get("id")))
    for id_, times in ids.items():
        if times > 1:
            raise BadDefinition(file, id_, "the id is used more than once")
    for node in diagram.nodes.values():
        if node.id in _RESERVED or "." in node.id:
            raise BadDefinition(file, node.id, "the id is the engine's own")
        if node.operator in ids:
            raise BadDefinition(file, node.id, f"the service {node.operator!r} has the id of an element")


def _connections(file: str, diagram: Diagram) -> None:
    seen: set[tuple[str, str]] = set()
    for flow in diagram.flows:
        ends = [diagram.nodes.get(flow.source), diagram.nodes.get(flow.target)]
        if None in ends or len({node.scope for node in ends if node}) > 1:
            raise BadDefinition(file, flow.id, "a flow must connect two elements of the same process or subprocess")
        if (flow.source, flow.target) in seen:
            raise BadDefinition(file, flow.id, "two flows between the same elements cannot be told apart")
        seen.add((flow.source, flow.target))
    for scope in ("", *(node.id for node in diagram.nodes.values() if node.kind == "subProcess")):
        kinds = Counter(node.kind for node in diagram.nodes.values() if node.scope == scope)
        if kinds["startEvent"] != 1 or not kinds["endEvent"]:
            raise BadDefinition(file, scope or diagram.id, "a process needs one start event and at least one end event")


def _node(file: str, diagram: Diagram, node: Node, decisions: Mapping[str, Decision]) -> None:
    for fault in (_exits(diagram, node), _event(diagram, node), _task(node, decisions), _variables(node)):
        if fault:
            raise BadDefinition(file, node.id, fault)
    for expression in expressions_of(diagram, node):
        try:
            expressions.check(expression)
        except expressions.ExpressionRefused as refused:
            raise BadDefinition(file, node.id, f"expression {expression!r}: {refused}") from refused


def _exits(diagram: Diagram, node: Node) -> str:
    """What is wrong with the flows into and out of `node`, or ''."""
    into, out = diagram.into(node.id), diagram.out(node.id)
    if bool(into) == (node.kind in ("startEvent", "boundaryEvent")) or bool(out) == (node.kind == "endEvent"):
        return "a flow is missing or one too many: only start and boundary events begin a path, only end events end it"
    if node.kind not in GATEWAYS and len(out) > 1:
        return "several flows leave a task or event; put a gateway after it"
    if node.kind == "exclusiveGateway" and len(out) > 1:
        unconditional = [flow.id for flow in out if not flow.condition]
        return "" if unconditional == [node.default] else "one flow must be the default, every other needs a condition"
    return "only an exclusive gateway with several exits takes conditions" if any(f.condition for f in out) else ""


def _event(diagram: Diagram, node: Node) -> str:
    """What is wrong with the event or event gateway `node`, or ''."""
    catches = node.kind in ("boundaryEvent", "intermediateCatchEvent")
    if catches != (bool(node.timer) != bool(node.message)):
        return "a boundary or catch event waits for one timer or one named message, other events for nothing"
    if node.kind == "boundaryEvent":
        host = diagram.nodes.get(node.host)
        if host is None or host.kind not in ("userTask", "subProcess") or host.scope != node.scope:
            return "a boundary event needs a user task or subprocess to sit on: nothing else lasts"
    if node.kind == "eventBasedGateway":
        events = [diagram.nodes[flow.target] for flow in diagram.out(node.id)]
        if any(event.kind != "intermediateCatchEvent" or len(diagram.into(event.id)) > 1 for event in events):
            return "every exit of an event gateway must lead to a catch event of its own"
        if max(Counter(event.message for event in events).values()) > 1:
            return "two timers or the same message twice after one event gateway: the second waits for the first's date"
    return ""


def _task(node: Node, decisions: Mapping[str, Decision]) -> str:
    """What is wrong with the task `node`, or ''."""
    if bool(node.operator) != (node.kind == "serviceTask"):
        return "a service task, and nothing else, calls a service"
    if (node.decision in decisions) != (node.kind == "businessRuleTask"):
        return (
            f"there is no decision {node.decision!r}" if node.kind == "businessRuleTask" else "only a rule task decides"
        )
    if node.kind == "userTask" and not node.lane:
        return "a user task must lie in a lane: the lane says whose it is"
    return "a task must have a name" if node.kind in TASKS and not node.name else ""


def _variables(node: Node) -> str:
    """What is wrong with the variables that `node` takes and gives, or ''."""
    for name in (*node.gives, *node.parameters, *filter(None, [node.result])):
        if not name.isidentifier():
            return f"{name!r} is not a variable name"
    if not all(node.parameters.values()):
        return "a parameter needs a value"
    if node.gives and not (node.kind in ("userTask", "serviceTask") or node.message):
        return "only a person, a service or a message gives variables"
    both = node.result and node.gives
    return "an answer lands either in its result variable or in the variables it gives" if both else ""


def _drawing(file: str, diagram: Diagram) -> None:
    for id_ in [*diagram.frames, *diagram.nodes]:
        if id_ not in diagram.boxes:
            raise BadDefinition(file, id_, "the element has no shape in the drawing")
    for flow in diagram.flows:
        if len(diagram.lines.get(flow.id, ())) < 2:  # noqa: PLR2004 - a line has two ends
            raise BadDefinition(file, flow.id, "the flow has no line in the drawing")


def _nearest_id(element: Element | None) -> str:
    while element is not None:
        if (id_ := element.get("id")) and not element.tag.startswith(SPIFF):
            return id_
        element = element.getparent()
    return ""
