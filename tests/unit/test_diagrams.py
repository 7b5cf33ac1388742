"""The diagrams in workflows/ and the pictures made of them."""

import re
from collections.abc import Iterator
from itertools import combinations, pairwise
from xml.etree import ElementTree as ET

import pytest

from portal.workflow import Definition, draw, steps
from portal.workflow.diagram import GATEWAYS, TASKS, Box, Diagram
from tests.unit.workflow_driver import DEFINITIONS, Drive, iso

SVG = "{http://www.w3.org/2000/svg}"
LANES = {"Supplier", "Reviewer", "Administrator", "Decision-maker", "Portal (system)"}
LONG = "Nokkså lang beskrivelse av saksbehandlingen"

each_process = pytest.mark.parametrize("process", DEFINITIONS.values(), ids=DEFINITIONS)


def shouted(word: str) -> str:
    return f"<{word}>"


def picture(process: Definition, states: dict[str, str] | None = None) -> ET.Element:
    return ET.fromstring(draw(process, states or {}, shouted, "Case 7 & more", "nb"))


def texts(element: ET.Element) -> str:
    return " ".join(part.text or "" for part in element.iter(f"{SVG}tspan"))


# -- the diagrams -----------------------------------------------------------------------------------------------------


@each_process
def test_lanes_are_the_roles(process: Definition) -> None:
    assert {node.lane for node in process.diagram.nodes.values()} <= LANES
    assert {name for name in process.diagram.frames.values() if name != process.diagram.name} <= LANES
    for node in process.diagram.nodes.values():
        if node.kind in ("serviceTask", "businessRuleTask"):
            assert node.lane == "Portal (system)", f"{node.id} is done by no person"
        if node.kind == "userTask":
            assert node.lane != "Portal (system)", f"{node.id} is done by a person"


@each_process
def test_words_are_in_sentence_case_and_ids_in_snake_case(process: Definition) -> None:
    for node in process.diagram.nodes.values():
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", node.id)
        assert not node.name or re.fullmatch(r"[A-Z][^A-Z]*", node.name), node.name
        assert node.name or node.kind in (*GATEWAYS, "startEvent"), f"{node.id} has no name"
    assert len(process.diagram.words()) == len(set(process.diagram.words())) > 20


@each_process
def test_every_choice_says_what_its_exits_mean(process: Definition) -> None:
    diagram = process.diagram
    for node in diagram.nodes.values():
        if node.kind == "exclusiveGateway":
            assert node.name
            assert all(flow.name for flow in diagram.out(node.id)), node.id


@each_process
def test_nothing_lies_on_top_of_anything_else(process: Definition) -> None:
    diagram = process.diagram
    alone = [node for node in diagram.nodes.values() if node.kind not in ("subProcess", "boundaryEvent")]
    for one, other in combinations(alone, 2):
        assert not _overlap(diagram.boxes[one.id], diagram.boxes[other.id]), f"{one.id} and {other.id}"


@each_process
def test_everything_lies_inside_its_lane(process: Definition) -> None:
    diagram = process.diagram
    lanes = {name: diagram.boxes[frame] for frame, name in diagram.frames.items()}
    for node in diagram.nodes.values():
        assert _inside(diagram.boxes[node.id], lanes[node.lane]), node.id


@each_process
def test_no_two_flows_cross(process: Definition) -> None:
    legs = [(flow.id, leg) for flow in process.diagram.flows for leg in _legs(process.diagram, flow.id)]
    crossings = [(a, b) for (a, one), (b, other) in combinations(legs, 2) if a != b and _cross(one, other)]
    assert crossings == []


@each_process
def test_flows_end_where_they_should_and_run_straight(process: Definition) -> None:
    diagram = process.diagram
    for flow in diagram.flows:
        line = diagram.lines[flow.id]
        assert _on_edge(line[0], diagram.boxes[flow.source]), f"{flow.id} starts elsewhere"
        assert _on_edge(line[-1], diagram.boxes[flow.target]), f"{flow.id} ends elsewhere"
        for (x, y), (to_x, to_y) in _legs(diagram, flow.id):
            assert x == to_x or y == to_y, f"{flow.id} runs askew"


def _overlap(one: Box, other: Box) -> bool:
    apart = one.x + one.width <= other.x or other.x + other.width <= one.x
    return not (apart or one.y + one.height <= other.y or other.y + other.height <= one.y)


def _inside(box: Box, frame: Box) -> bool:
    across = frame.x <= box.x and box.x + box.width <= frame.x + frame.width
    return across and frame.y <= box.y and box.y + box.height <= frame.y + frame.height


def _on_edge(point: tuple[float, float], box: Box) -> bool:
    x, y = point
    within = box.x <= x <= box.x + box.width and box.y <= y <= box.y + box.height
    return within and (x in (box.x, box.x + box.width) or y in (box.y, box.y + box.height))


Leg = tuple[tuple[float, float], tuple[float, float]]


def _legs(diagram: Diagram, flow: str) -> Iterator[Leg]:
    line = diagram.lines[flow]
    yield from pairwise(line)


def _cross(one: Leg, other: Leg) -> bool:
    """Whether a level leg and an upright leg cross; touching at an end is no crossing."""
    for level, upright in ((one, other), (other, one)):
        (ax, ay), (bx, by) = level
        (cx, cy), (dx, dy) = upright
        if ay == by and cx == dx:
            return min(ax, bx) < cx < max(ax, bx) and min(cy, dy) < ay < max(cy, dy)
    return False


# -- the picture ------------------------------------------------------------------------------------------------------


@each_process
def test_the_picture_is_one_image_with_a_title_and_no_styles(process: Definition) -> None:
    root = picture(process)
    assert (root.get("role"), root.get("lang")) == ("img", "nb")
    assert root[0].tag == f"{SVG}title"
    assert root[0].text == "Case 7 & more"
    for element in root.iter():
        assert element.tag != f"{SVG}style"
        assert element.tag != f"{SVG}script"
        assert not [name for name in element.attrib if name in ("style", "id") or name.startswith("on")]


@each_process
def test_every_element_is_drawn_once_with_its_translated_name(process: Definition) -> None:
    root = picture(process)
    drawn = {id_: group for group in root.iter(f"{SVG}g") if (id_ := group.get("data-element"))}
    assert drawn.keys() == process.diagram.nodes.keys()
    for id_, group in drawn.items():
        name = process.diagram.nodes[id_].name
        assert texts(group) == (shouted(name) if name else "")
    assert len([1 for group in root.iter(f"{SVG}g") if (group.get("class") or "").startswith("bpmn-flow")]) == len(
        process.diagram.flows
    )
    for lane in {node.lane for node in process.diagram.nodes.values()}:
        assert shouted(lane) in texts(root)


def test_states_are_told_by_class_by_mark_and_in_words() -> None:
    deadlines = {"remind_at": iso(5), "due_at": iso(10), "missed_at": iso(10), "escalate_at": iso(17)}
    drive = Drive("report", {"report_id": 1, "begin_at": "fill_in", **deadlines})
    drive.do("fill_in")
    root = picture(drive.definition, drive.instance.states())
    told = {group.get("data-element"): group for group in root.iter(f"{SVG}g") if group.get("data-element")}
    done, here, waits, ahead = (told[id_] for id_ in ("fill_in", "sign", "reminder_due", "review"))
    assert [_classes(one) & {"is-done", "is-active", "is-waiting"} for one in (done, here, waits, ahead)] == [
        {"is-done"},
        {"is-active"},
        {"is-waiting"},
        set(),
    ]
    assert [_title(one) for one in (done, here, waits, ahead)] == [
        "<Fill in>: utført",
        "<Sign>: her er saken nå",
        "<Reminder due>: venter",
        "<Review>",
    ]
    assert [len(list(one.iter(f"{SVG}g"))) for one in (done, here, ahead)] == [3, 3, 2], "a mark beside the sign"


def _classes(group: ET.Element) -> set[str]:
    return set((group.get("class") or "").split())


def _title(group: ET.Element) -> str | None:
    return group[0].text


@each_process
def test_long_words_stay_inside_their_boxes(process: Definition) -> None:
    root = ET.fromstring(draw(process, {}, lambda _: LONG, "x", "nb"))
    for group in root.iter(f"{SVG}g"):
        if "bpmn-task" not in _classes(group):
            continue
        box = process.diagram.boxes[group.get("data-element") or ""]
        for text in group.iter(f"{SVG}text"):
            size = float(text.get("font-size") or 0)
            lines = list(text.iter(f"{SVG}tspan"))
            assert size >= 9
            assert all(len(line.text or "") * size * 0.53 <= box.width for line in lines)
            assert all(box.y < float(line.get("y") or 0) - size / 2 for line in lines)
            assert all(float(line.get("y") or 0) + size / 2 < box.y + box.height for line in lines)


# -- the list beside it -----------------------------------------------------------------------------------------------


def test_steps_tell_the_story_in_order() -> None:
    drive = Drive(
        "deviation",
        {"deviation_id": 1, "warn_notice_at": ""},
        deviations__send_notice={"undelivered_at": iso(3), "reply_due_at": ""},
    )
    drive.do("assess", assessment="notify")
    told = steps(drive.definition, drive.instance.states(), str.upper)
    names = [step.name for step in told]
    assert names.index("ASSESS THE DEVIATION") < names.index("SEND THE NOTICE") < names.index("REPLY")
    assert names.index("REPLY") < names.index("REPLY PERIOD OVER") < names.index("ASSESS THE REPLY")
    states = {step.element: step.state for step in told}
    assert (states["assess"], states["send_notice"], states["notice_delivered"], states["reply"]) == (
        "done",
        "done",
        "waiting",
        "",
    )
    assert told[1].lane == "ADMINISTRATOR"


@each_process
def test_steps_leave_out_nothing_that_happens(process: Definition) -> None:
    told = {step.element for step in steps(process, {}, str)}
    happens = {node.id for node in process.diagram.nodes.values() if node.kind in (*TASKS, "endEvent", "boundaryEvent")}
    assert happens <= told
