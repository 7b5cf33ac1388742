"""A process as a picture and as a list in words. The picture is SVG from the diagram's own layout: classes, no styles.

What is done carries a tick, where the process stands a dot and a heavy edge, so colour is never the only sign. Colours
belong to the page: `bpmn-…` says what a thing is, `is-done`, `is-active`, `is-waiting` how it stands.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from math import hypot
from typing import TypeAlias

from portal.text import Text
from portal.workflow.definitions import Definition
from portal.workflow.diagram import GATEWAYS, TASKS, Box, Diagram, Flow, Node, Point

Labels: TypeAlias = Callable[[str], str]

_STATES = {
    "done": Text("utført", "done"),
    "active": Text("her er saken nå", "the case is here now"),
    "waiting": Text("venter", "waiting"),
}
_EDGES = {"active": ' stroke-width="3"', "waiting": ' stroke-dasharray="5 3"'}
_MARGIN = 10
_FONT, _SMALL, _SMALLEST = 14.0, 13.0, 9.0
_CHARACTER, _LINE = 0.53, 1.2  # of the font's size: the width of a character (about), the height of a line
_SIGNS = {
    "userTask": '<circle cx="7" cy="4" r="3"/><path d="M1 14c0-5 3-6 6-6s6 1 6 6z"/>',
    "serviceTask": '<circle cx="7" cy="7" r="5" stroke-dasharray="2 1.9" stroke-width="4"/>'
    '<circle cx="7" cy="7" r="4"/>',
    "businessRuleTask": '<path d="M0 1h14v12H0zM0 5h14M0 9h14M5 5v8"/>',
    "exclusiveGateway": '<path d="M-7-7 7 7M7-7-7 7" stroke-width="3"/>',
    "parallelGateway": '<path d="M-9 0H9M0-9V9" stroke-width="3"/>',
    "eventBasedGateway": '<circle r="13"/><circle r="10"/><path d="M0-6 6-2 4 5H-4L-6-2z"/>',
    "timer": '<circle r="9"/><path d="M0-7V0L4 3"/>',
    "message": '<path d="M-8-5.5H8v11H-8zM-8-5.5 0 1 8-5.5"/>',
    "done": '<circle r="9"/><path d="M-4.5 0-1 3.5 4.5-3.5" stroke-width="2.2" fill="none"/>',
    "active": '<circle r="9"/><circle class="bpmn-dot" r="4" fill="currentColor"/>',
}


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the list beside the picture; `state` is "done", "active", "waiting" or "" (still to come)."""

    element: str
    kind: str
    name: str
    lane: str
    state: str


def steps(definition: Definition, states: Mapping[str, str], labels: Labels) -> list[Step]:
    """Every named step and event in the order of the flow; gateways are left out, since they do nothing."""
    diagram = definition.diagram
    nodes = [diagram.nodes[element] for element in definition.order]
    told = [node for node in nodes if node.name and node.kind not in GATEWAYS | {"subProcess"}]
    return [Step(node.id, node.kind, labels(node.name), labels(node.lane), states.get(node.id, "")) for node in told]


def draw(definition: Definition, states: Mapping[str, str], labels: Labels, title: str, language: str) -> str:
    """The diagram as an SVG element. `states` as from `Instance.states`; `labels` translates the diagram's words."""
    return _Picture(definition.diagram, states, labels, language).svg(title)


@dataclass(frozen=True, slots=True)
class _Picture:
    diagram: Diagram
    states: Mapping[str, str]
    labels: Labels
    language: str

    def svg(self, title: str) -> str:
        nodes = self.diagram.nodes.values()
        under = [node for node in nodes if node.kind == "subProcess"]
        over = [node for node in nodes if node.kind == "boundaryEvent"]
        between = [node for node in nodes if node not in under and node not in over]
        parts = [
            *(self._frame(frame, name) for frame, name in self.diagram.frames.items()),
            *map(self._node, under),
            *map(self._flow, self.diagram.flows),
            *map(self._node, (*between, *over)),
        ]
        look = f'font-size="{_FONT:g}" fill="none" stroke="currentColor" stroke-width="1.5" stroke-linejoin="round"'
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="bpmn" role="img" lang="{escape(self.language)}" '
            f"{self._extent()} {look}><title>{escape(title)}</title>{''.join(parts)}</svg>"
        )

    def _extent(self) -> str:
        boxes = self.diagram.boxes.values()
        left, top = min(box.x for box in boxes) - _MARGIN, min(box.y for box in boxes) - _MARGIN
        width = max(box.x + box.width for box in boxes) + _MARGIN - left
        height = max(box.y + box.height for box in boxes) + _MARGIN - top
        return f'viewBox="{left:g} {top:g} {width:g} {height:g}" width="{width:g}" height="{height:g}"'

    def _frame(self, frame: str, name: str) -> str:
        box = self.diagram.boxes[frame]
        text = _text(self.labels(name), Box(10 - box.height / 2, -7, box.height - 20, 14), _FONT)
        turned = f'<g transform="translate({box.x + 15:g} {box.centre[1]:g}) rotate(-90)">{text}</g>'
        return f'<g class="bpmn-lane">{_rectangle(box, 0)}{turned}</g>'

    def _node(self, node: Node) -> str:
        box, state = self.diagram.boxes[node.id], self.states.get(node.id, "")
        name = self.labels(node.name) if node.name else ""
        told = f"{name}: {_STATES[state].to(self.language)}" if state else name
        classes = f"bpmn-{_family(node)} bpmn-{_dashed(node.kind)}" + (f" is-{state}" if state else "")
        return (
            f'<g class="{classes}" data-element="{escape(node.id)}"{_EDGES.get(state, "")}>'
            f"{f'<title>{escape(told)}</title>' if told else ''}{_shape(node, box)}"
            f"{self._name(node, box, name) if name else ''}{_mark(node, box, state)}</g>"
        )

    def _name(self, node: Node, box: Box, name: str) -> str:
        if node.kind in TASKS:
            return _text(name, Box(box.x + 6, box.y, box.width - 12, box.height), _FONT)
        if node.kind == "subProcess":
            return _text(name, Box(box.x + 10, box.y + 8, box.width - 20, 16), _FONT)
        if place := self.diagram.labels.get(node.id):
            return _text(name, place, _SMALL)
        return _text(name, Box(box.centre[0] - 42, box.y + box.height + 6, 84, 14), _SMALL, hanging=True)

    def _flow(self, flow: Flow) -> str:
        line = self.diagram.lines[flow.id]
        points = " ".join(f"{x:g},{y:g}" for x, y in line)
        x, y = line[len(line) // 2]
        place = self.diagram.labels.get(flow.id, Box(x - 40, y - 16, 80, 14))
        name = _text(self.labels(flow.name), place, _SMALL) if flow.name else ""
        default = _slash(line) if self.diagram.nodes[flow.source].default == flow.id else ""
        done = " is-done" if flow.id in self.states else ""
        return f'<g class="bpmn-flow{done}"><polyline points="{points}"/>{_arrow(line)}{default}{name}</g>'


def _family(node: Node) -> str:
    if node.kind in TASKS:
        return "task"
    return "gateway" if node.kind in GATEWAYS else "scope" if node.kind == "subProcess" else "event"


def _dashed(kind: str) -> str:
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in kind)


def _shape(node: Node, box: Box) -> str:
    """The outline of a node, and the sign in it: who does it, what it waits for or how it chooses."""
    (x, y), radius = box.centre, box.width / 2
    if node.kind == "subProcess":
        return _rectangle(box, 10)
    if node.kind in TASKS:
        return _rectangle(box, 8) + _sign("bpmn-sign", (box.x + 7, box.y + 7), node.kind)
    if node.kind in GATEWAYS:
        corners = f"M{x:g} {box.y:g}l{radius:g} {radius:g}-{radius:g} {radius:g}-{radius:g}-{radius:g}z"
        return f'<path class="bpmn-shape" fill="#fff" d="{corners}"/>' + _sign("bpmn-sign", (x, y), node.kind)
    dashes = "" if node.interrupting else ' stroke-dasharray="4 3"'
    heavy = ' stroke-width="3.5"' if node.kind == "endEvent" else ""
    outline = f'<circle class="bpmn-shape" fill="#fff" cx="{x:g}" cy="{y:g}" r="{radius:g}"{dashes}{heavy}/>'
    if not (node.timer or node.message):
        return outline
    inner = f'<circle cx="{x:g}" cy="{y:g}" r="{radius - 4:g}"{dashes}/>'
    return outline + inner + _sign("bpmn-sign", (x, y), "timer" if node.timer else "message")


def _mark(node: Node, box: Box, state: str) -> str:
    if state not in ("done", "active") or node.kind == "subProcess":
        return ""
    inset = 0 if node.kind in TASKS else box.width * 0.12
    return _sign("bpmn-mark", (box.x + box.width - inset, box.y + inset), state)


def _sign(css: str, at: Point, sign: str) -> str:
    look = 'fill="#fff" stroke-width="1.2" stroke-dasharray="none"'
    return f'<g class="{css}" transform="translate({at[0]:g} {at[1]:g})" {look}>{_SIGNS[sign]}</g>'


def _rectangle(box: Box, radius: float) -> str:
    size = f'x="{box.x:g}" y="{box.y:g}" width="{box.width:g}" height="{box.height:g}" rx="{radius:g}"'
    return f'<rect class="bpmn-shape" fill="#fff" {size}/>'


def _arrow(line: tuple[Point, ...]) -> str:
    (x, y), (dx, dy) = line[-1], _direction(line[-2], line[-1])
    wings = [(x - 10 * dx + side * 4.5 * dy, y - 10 * dy - side * 4.5 * dx) for side in (1, -1)]
    corners = " ".join(f"{px:.1f},{py:.1f}" for px, py in ((x, y), *wings))
    return f'<polygon class="bpmn-arrow" fill="currentColor" points="{corners}"/>'


def _slash(line: tuple[Point, ...]) -> str:
    """The stroke across the beginning of a default flow."""
    (x, y), (dx, dy) = line[0], _direction(line[0], line[1])
    x, y = x + 10 * dx, y + 10 * dy
    ax, ay, bx, by = x - 4 * dx + 5 * dy, y - 4 * dy - 5 * dx, x + 4 * dx - 5 * dy, y + 4 * dy + 5 * dx
    return f'<path d="M{ax:.1f} {ay:.1f}L{bx:.1f} {by:.1f}"/>'


def _direction(start: Point, end: Point) -> Point:
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = hypot(dx, dy) or 1.0
    return dx / length, dy / length


def _text(text: str, place: Box, size: float, *, hanging: bool = False) -> str:
    """Text around the middle of `place`, or down from its top, as wide as it; one word too long makes all smaller."""
    size = max(min(size, place.width / (max(map(len, text.split()), default=1) * _CHARACTER)), _SMALLEST)
    lines, height = _wrapped(text, int(place.width / (size * _CHARACTER) + 1e-6)), size * _LINE
    x, middle = place.centre
    first = place.y + height / 2 if hanging else middle - (len(lines) - 1) * height / 2
    spans = [f'<tspan x="{x:g}" y="{first + i * height:.1f}">{escape(line)}</tspan>' for i, line in enumerate(lines)]
    halo = 'stroke="#fff" stroke-width="3" paint-order="stroke"' if size < _FONT else 'stroke="none"'
    look = f'class="bpmn-text" font-size="{size:.4g}" fill="currentColor" stroke-dasharray="none" {halo}'
    return f'<text {look} text-anchor="middle" dominant-baseline="central">{"".join(spans)}</text>'


def _wrapped(text: str, characters: int) -> list[str]:
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > characters:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines
