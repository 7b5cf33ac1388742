"""A BPMN file as plain data: nodes, flows, lanes and where they are drawn. Reads, never judges: `lint` judges."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from lxml import etree

from portal.errors import BadDefinition

BPMN = "{http://www.omg.org/spec/BPMN/20100524/MODEL}"
BPMNDI = "{http://www.omg.org/spec/BPMN/20100524/DI}"
DC = "{http://www.omg.org/spec/DD/20100524/DC}"
DI = "{http://www.omg.org/spec/DD/20100524/DI}"
SPIFF = "{http://spiffworkflow.org/bpmn/schema/1.0/core}"

TASKS = frozenset({"userTask", "serviceTask", "businessRuleTask"})
GATEWAYS = frozenset({"exclusiveGateway", "parallelGateway", "eventBasedGateway"})
EVENTS = frozenset({"startEvent", "endEvent", "boundaryEvent", "intermediateCatchEvent"})
NODES = TASKS | GATEWAYS | EVENTS | {"subProcess"}

Element: TypeAlias = etree._Element  # noqa: SLF001 - lxml has no public name for its element type
Point: TypeAlias = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of the drawing, in the diagram's own units (pixels at full size)."""

    x: float
    y: float
    width: float
    height: float

    @property
    def centre(self) -> Point:
        """The middle of the box."""
        return self.x + self.width / 2, self.y + self.height / 2


@dataclass(frozen=True, slots=True)
class Node:
    """One step, event or gateway. Texts are empty and tuples bare where the kind has no such thing.

    `scope` is the embedded subprocess it lies in, `host` the node a boundary event sits on, `operator` the service it
    calls, `result` the variable the service's answer lands in, and `gives` the variables it sets: what the person who
    completes it, the service or the message brings.
    """

    id: str
    kind: str
    name: str
    scope: str = ""
    lane: str = ""
    host: str = ""
    interrupting: bool = True
    default: str = ""
    timer: str = ""
    message: str = ""
    operator: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    result: str = ""
    decision: str = ""
    gives: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Flow:
    """A sequence flow; `condition` is empty on a default and on a plain flow."""

    id: str
    source: str
    target: str
    name: str = ""
    condition: str = ""


@dataclass(frozen=True)
class Diagram:
    """A process: what may follow what, and where it is drawn."""

    id: str
    name: str
    nodes: Mapping[str, Node]
    flows: tuple[Flow, ...]
    frames: Mapping[str, str]  # pool and lanes: id -> name, the pool first
    boxes: Mapping[str, Box]
    lines: Mapping[str, tuple[Point, ...]]
    labels: Mapping[str, Box]

    def out(self, node: str) -> tuple[Flow, ...]:
        """The flows that leave `node`."""
        return tuple(flow for flow in self.flows if flow.source == node)

    def into(self, node: str) -> tuple[Flow, ...]:
        """The flows that reach `node`."""
        return tuple(flow for flow in self.flows if flow.target == node)

    def boundary(self, host: str) -> tuple[Node, ...]:
        """The events on the edge of `host`."""
        return tuple(node for node in self.nodes.values() if node.host == host)

    def start(self, scope: str = "") -> str:
        """The id of the start event of the process, or of one embedded subprocess."""
        return next(node.id for node in self.nodes.values() if node.kind == "startEvent" and node.scope == scope)

    def following(self, node: str) -> tuple[str, ...]:
        """What comes next when `node` is done: into an embedded subprocess at its start, out of it after its end."""
        here = self.nodes[node]
        if here.kind == "subProcess":
            return (self.start(node),)
        if here.kind == "endEvent" and here.scope:
            return tuple(flow.target for flow in self.out(here.scope))
        return tuple(flow.target for flow in self.out(node))

    def words(self) -> tuple[str, ...]:
        """Every text that a person reads on the picture, once each: the translators' list."""
        named = [*self.frames.values(), *(node.name for node in self.nodes.values()), *(f.name for f in self.flows)]
        return tuple(dict.fromkeys(word for word in (self.name, *named) if word))


def read_xml(file: str, text: str) -> Element:
    """Parse without a DTD, entities or the network; anything that asks for them is refused before it is parsed."""
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise BadDefinition(file, "", "a document type or entity declaration is refused")
    parser = etree.XMLParser(
        encoding="utf-8", resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
    )
    try:
        return etree.fromstring(text.encode(), parser)
    except etree.XMLSyntaxError as error:
        raise BadDefinition(file, "", f"not well-formed XML: {error}") from error


def read_diagram(root: Element) -> Diagram:
    """The process of a BPMN document. Assumes what `lint` assures; on another document the result is incomplete."""
    process = next(root.iter(f"{BPMN}process"))
    frames = {e.get("id", ""): e.get("name", "") for tag in ("participant", "lane") for e in root.iter(BPMN + tag)}
    labelled = [(drawn, drawn.find(f"{BPMNDI}BPMNLabel/{DC}Bounds")) for drawn in root.iter(*_DRAWN)]
    return Diagram(
        id=process.get("id", ""),
        name=process.get("name", ""),
        nodes={node.id: node for node in _nodes(process, _messages(root), _lanes(process), "", "")},
        flows=tuple(_flow(element) for element in process.iter(f"{BPMN}sequenceFlow")),
        frames=frames,
        boxes={_of(e): _box(b) for e in root.iter(f"{BPMNDI}BPMNShape") if (b := e.find(f"{DC}Bounds")) is not None},
        lines={_of(e): tuple(map(_point, e.iter(f"{DI}waypoint"))) for e in root.iter(f"{BPMNDI}BPMNEdge")},
        labels={_of(drawn): _box(bounds) for drawn, bounds in labelled if bounds is not None},
    )


def local(element: Element) -> str:
    """The tag without its namespace."""
    return etree.QName(element).localname


_DRAWN = (f"{BPMNDI}BPMNShape", f"{BPMNDI}BPMNEdge")


def _nodes(
    parent: Element, messages: Mapping[str, str], lanes: Mapping[str, str], scope: str, lane: str
) -> Iterator[Node]:
    for element in parent:
        if not element.tag.startswith(BPMN) or local(element) not in NODES:
            continue
        node = _node(element, messages, scope, lanes.get(element.get("id", ""), lane))
        yield node
        if node.kind == "subProcess":
            yield from _nodes(element, messages, lanes, node.id, node.lane)


def _node(element: Element, messages: Mapping[str, str], scope: str, lane: str) -> Node:
    operator = element.find(f"{BPMN}extensionElements/{SPIFF}serviceTaskOperator")
    message = element.find(f"{BPMN}messageEventDefinition")
    timer = element.find(f"{BPMN}timerEventDefinition/*")
    gives = element.find(f"{BPMN}extensionElements/{SPIFF}properties/{SPIFF}property[@name='gives']")
    return Node(
        id=element.get("id", ""),
        kind=local(element),
        name=element.get("name", ""),
        scope=scope,
        lane=lane,
        host=element.get("attachedToRef", ""),
        interrupting=element.get("cancelActivity", "true") == "true",
        default=element.get("default", ""),
        timer="" if timer is None else (timer.text or "").strip(),
        message="" if message is None else messages.get(message.get("messageRef", ""), ""),
        operator="" if operator is None else operator.get("id", ""),
        parameters={} if operator is None else _parameters(operator),
        result="" if operator is None else operator.get("resultVariable", ""),
        decision=element.findtext(f"{BPMN}extensionElements/{SPIFF}calledDecisionId", "").strip(),
        gives=() if gives is None else tuple(gives.get("value", "").split()),
    )


def _flow(element: Element) -> Flow:
    condition = element.findtext(f"{BPMN}conditionExpression", "").strip()
    source, target = element.get("sourceRef", ""), element.get("targetRef", "")
    return Flow(element.get("id", ""), source, target, element.get("name", ""), condition)


def _messages(root: Element) -> dict[str, str]:
    return {element.get("id", ""): element.get("name", "") for element in root.iter(f"{BPMN}message")}


def _lanes(process: Element) -> dict[str, str]:
    lanes = process.iter(f"{BPMN}lane")
    return {(ref.text or "").strip(): lane.get("name", "") for lane in lanes for ref in lane.iter(f"{BPMN}flowNodeRef")}


def _parameters(operator: Element) -> dict[str, str]:
    return {element.get("id", ""): element.get("value", "") for element in operator.iter(f"{SPIFF}parameter")}


def _of(drawn: Element) -> str:
    return drawn.get("bpmnElement", "")


def _box(bounds: Element) -> Box:
    return Box(*(float(bounds.get(key, "0")) for key in ("x", "y", "width", "height")))


def _point(waypoint: Element) -> Point:
    return float(waypoint.get("x", "0")), float(waypoint.get("y", "0"))
