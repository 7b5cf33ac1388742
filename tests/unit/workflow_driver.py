"""Drives processes in tests: services that record, a clock that is set, a dump and restore between all steps."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from xml.etree import ElementTree as ET

from portal import clock, resources
from portal.workflow import Definition, Engine, Instance, load_definitions

BPMN_SPACE = "http://www.omg.org/spec/BPMN/20100524/MODEL"
MORNING = datetime(2026, 3, 2, 8, tzinfo=UTC)
DEFINITIONS = load_definitions(resources.WORKFLOWS)

_HEAD = f"""<definitions xmlns="{BPMN_SPACE}" xmlns:bpmndi="http://www.omg.org/spec/BPMN/20100524/DI"
 xmlns:dc="http://www.omg.org/spec/DD/20100524/DC" xmlns:di="http://www.omg.org/spec/DD/20100524/DI"
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" targetNamespace="https://test.example"
 xmlns:spiff="http://spiffworkflow.org/bpmn/schema/1.0/core" id="document">
<collaboration id="collaboration"><participant id="pool" name="Test" processRef="test"/></collaboration>"""
_DRAWN = ("Event", "Task", "Gateway", "subProcess", "participant", "lane")


def iso(days: float) -> str:
    """The moment so many days after MORNING, as process data."""
    return (MORNING + timedelta(days=days)).isoformat()


PERIOD = {
    "report_id": 1,
    "begin_at": "fill_in",
    "remind_at": iso(5),
    "due_at": iso(10),
    "missed_at": iso(10),
    "escalate_at": iso(17),
}
"""What the report's process starts with."""


class Drive:
    """One instance of a process; every act happens `days` after MORNING and is followed by a dump and restore."""

    def __init__(self, process: str | Definition, data: Mapping[str, object], **answers: object) -> None:
        self.definition = DEFINITIONS[process] if isinstance(process, str) else process
        self.days = 0.0
        self.calls: list[tuple[str, dict[str, object]]] = []
        self.passed: list[str] = []
        self.answers = {name.replace("__", "."): answer for name, answer in answers.items()}
        names = {node.operator for node in self.definition.diagram.nodes.values() if node.operator}
        services = {name: self._service(name) for name in names}
        self.engine = Engine({self.definition.name: self.definition}, services)
        with clock.at(self.now):
            self.instance = self.engine.start(self.definition.name, data)
            self.instance.run()
        self._settle()

    @property
    def now(self) -> datetime:
        return MORNING + timedelta(days=self.days)

    @property
    def open(self) -> list[str]:
        """The elements a person could complete now."""
        return sorted(task.element for task in self.instance.open_tasks)

    def called(self) -> list[str]:
        """The services called since this was last asked."""
        names = [name for name, _ in self.calls]
        self.calls = []
        return names

    def do(self, element: str, **data: object) -> None:
        """A person completes the open task `element`; whoever does it is actor 7 unless said otherwise."""
        [task] = [task for task in self.instance.open_tasks if task.element == element]
        with clock.at(self.now):
            self.instance.complete(task.id, {"actor_id": 7, **data})
        self._settle()

    def message(self, name: str, **payload: object) -> bool:
        with clock.at(self.now):
            waited = self.instance.message(name, payload)
        self._settle()
        return waited

    def wait(self, days: float) -> bool:
        """Let time pass and tick; whether anything fired."""
        self.days += days
        with clock.at(self.now):
            fired = self.instance.tick()
        self._settle()
        return fired

    def restored(self) -> Instance:
        return self.engine.restore(self.definition, self.instance.dump())

    def _settle(self) -> None:
        self.passed += self.instance.passed
        before = self._face()
        self.instance = self.restored()
        assert self._face() == before, "the restored instance stands elsewhere"

    def _face(self) -> object:
        here = self.instance
        return here.open_tasks, here.due_at, here.states(), here.is_complete, here.ended_at, here.data

    def _service(self, name: str):  # type: ignore[no-untyped-def]  # noqa: ANN202
        def service(**parameters: object) -> object:
            self.calls.append((name, parameters))
            answer = self.answers.get(name)
            return answer.pop(0) if isinstance(answer, list) else answer

        return service


def document(inside: str, *, head: str = "", drawing: str | None = None) -> str:
    """A BPMN document around the children of one process `test`; `drawing` replaces the shapes made for them."""
    text = f'{_HEAD}{head}<process id="test" name="Test" isExecutable="true">{inside}</process>'
    return f"{text}{_drawing(text) if drawing is None else drawing}</definitions>"


def definition(inside: str, *, head: str = "", tables: Mapping[str, str] | None = None) -> Definition:
    """A checked definition of a process `test`."""
    made = Definition.of("test", {"test.bpmn": document(inside, head=head), **(tables or {})})
    made.check()
    return made


def flow(source: str, target: str, condition: str = "") -> str:
    said = f'<conditionExpression xsi:type="tFormalExpression">{condition}</conditionExpression>' if condition else ""
    return f'<sequenceFlow id="{source}_to_{target}" sourceRef="{source}" targetRef="{target}">{said}</sequenceFlow>'


def path(*nodes: str) -> str:
    """Plain flows from each node to the next."""
    return "".join(flow(source, target) for source, target in pairwise(nodes))


def person(id_: str, gives: str = "") -> str:
    return f'<userTask id="{id_}" name="{id_.capitalize()}">{_gives(gives)}</userTask>'


def service(id_: str, operator: str = "work.do", gives: str = "", result: str = "", **parameters: str) -> str:
    said = "".join(f'<spiff:parameter id="{key}" type="any" value="{v}"/>' for key, v in parameters.items())
    lands = f' resultVariable="{result}"' if result else ""
    inner = f"<spiff:parameters>{said}</spiff:parameters>"
    call = f'<spiff:serviceTaskOperator id="{operator}"{lands}>{inner}</spiff:serviceTaskOperator>'
    extension = f"<extensionElements>{call}{_property(gives)}</extensionElements>"
    return f'<serviceTask id="{id_}" name="{id_.capitalize()}">{extension}</serviceTask>'


def timer(value: str, kind: str = "timeDate") -> str:
    return f'<timerEventDefinition><{kind} xsi:type="tFormalExpression">{value}</{kind}></timerEventDefinition>'


def lanes(*nodes: str) -> str:
    refs = "".join(f"<flowNodeRef>{node}</flowNodeRef>" for node in nodes)
    return f'<laneSet id="lanes"><lane id="somebody" name="Somebody">{refs}</lane></laneSet>'


def ends(*ids: str) -> str:
    return "".join(f'<endEvent id="{id_}"/>' for id_ in ids)


def _gives(names: str) -> str:
    return f"<extensionElements>{_property(names)}</extensionElements>" if names else ""


def _property(names: str) -> str:
    return f'<spiff:properties><spiff:property name="gives" value="{names}"/></spiff:properties>' if names else ""


def _drawing(text: str) -> str:
    root = ET.fromstring(text + "</definitions>")
    shapes, lines = [], []
    for element in root.iter():
        id_, kind = element.get("id"), element.tag.removeprefix(f"{{{BPMN_SPACE}}}")
        if id_ and kind == "sequenceFlow":
            ends_ = '<di:waypoint x="0" y="0"/><di:waypoint x="50" y="0"/>'
            lines.append(f'<bpmndi:BPMNEdge id="{id_}_line" bpmnElement="{id_}">{ends_}</bpmndi:BPMNEdge>')
        elif id_ and kind.endswith(_DRAWN):
            box = '<dc:Bounds x="0" y="0" width="100" height="80"/>'
            shapes.append(f'<bpmndi:BPMNShape id="{id_}_shape" bpmnElement="{id_}">{box}</bpmndi:BPMNShape>')
    plane = f'<bpmndi:BPMNPlane id="plane" bpmnElement="collaboration">{"".join(shapes + lines)}</bpmndi:BPMNPlane>'
    return f'<bpmndi:BPMNDiagram id="drawing">{plane}</bpmndi:BPMNDiagram>'
