"""Processes at work: start, complete, message, tick; and what an instance waits for.

An instance belongs to one transaction: restore, act, dump. When anything raises, roll back and drop the object; it
refuses to be dumped.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from SpiffWorkflow.bpmn.specs.defaults import BoundaryEvent
from SpiffWorkflow.bpmn.specs.event_definitions import MessageEventDefinition
from SpiffWorkflow.bpmn.specs.mixins.events.event_types import CatchingEvent
from SpiffWorkflow.bpmn.util.event import BpmnEvent
from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState

from portal.errors import InvalidTransition
from portal.text import Text
from portal.workflow import paths, state
from portal.workflow.definitions import Definition, specifications
from portal.workflow.dialect import ClosedEngine, PortalWorkflow, Service, pure, require
from portal.workflow.lint import check_services
from portal.workflow.variables import names_in

_NOT_OPEN = Text("Steget er ikke lenger åpent.", "This step is no longer open.")


@dataclass(frozen=True, slots=True)
class OpenTask:
    """A step that waits for a person. `id` is stable until it is done; `name` and `lane` are the diagram's words."""

    id: str
    element: str
    lane: str
    name: str
    data: Mapping[str, object]


class Engine:
    """Runs the given processes with the given services, and older versions of them that are handed in.

    `services` maps the names that diagrams call to functions. A function gets the diagram's parameters as keyword
    arguments and answers with plain JSON or None; what it raises comes out of the instance's method unchanged.
    """

    def __init__(self, definitions: Mapping[str, Definition], services: Mapping[str, Service]) -> None:
        self.definitions = definitions
        self._closed = ClosedEngine(services)
        for definition in definitions.values():
            self._check(definition)

    def start(self, process: str | Definition, data: Mapping[str, object]) -> "Instance":
        """A new instance, not yet run. Raises ValueError when a variable in `needed_at_start` is missing."""
        definition = self.definitions[process] if isinstance(process, str) else process
        self._check(definition)
        require(f"the start of {definition.name}", sorted(definition.needed_at_start), data)
        workflow = PortalWorkflow(*specifications(definition), script_engine=self._closed)
        workflow.task_tree.set_data(**pure(data))
        return Instance(definition, workflow, {})

    def restore(self, definition: Definition, stored: bytes) -> "Instance":
        """The instance as it was dumped. `definition` must be the version it was started with."""
        self._check(definition)
        return Instance(definition, *state.load(definition, stored, self._closed))

    def _check(self, definition: Definition) -> None:
        check_services(definition.bpmn[0], definition.diagram, self._closed.services.keys())


class Instance:
    """One running process. Every act carries it on until it waits again: for a person, a message or a moment."""

    def __init__(self, definition: Definition, workflow: PortalWorkflow, trail: Mapping[str, list[str]]) -> None:
        self.definition = definition
        self.passed: list[str] = []
        self._workflow = workflow
        self._visited = set(trail.get("visited", ()))
        self._ended_at = [*trail.get("ended_at", ())]
        self._sound = True

    def run(self) -> None:
        """Go on from the start until the process waits."""
        with self._acting():
            self._advance()

    def complete(self, task_id: str, data: Mapping[str, object]) -> None:
        """A person has done an open task; `data` becomes variables and must hold what the task gives in the diagram.

        Raises `InvalidTransition` when the task is not open (any more).
        """
        task = next((task for task in self._manual() if str(task.id) == task_id), None)
        if task is None:
            raise InvalidTransition(_NOT_OPEN)
        require(task.task_spec.bpmn_id, [*self.definition.diagram.nodes[task.task_spec.bpmn_id].gives], data)
        with self._acting():
            task.set_data(**pure(data))
            task.run()
            self._note(task)
            self._advance()

    def message(self, name: str, payload: Mapping[str, object]) -> bool:
        """A message has come; `payload` becomes variables. Whether anybody waited for it; if not, nothing changes."""
        for node in self.definition.diagram.nodes.values():
            if node.message == name:
                require(f"message {name}", [*node.gives], payload)
        with self._acting():
            event = BpmnEvent(MessageEventDefinition(name), pure(payload))
            waited = bool(self._workflow.event_manager.catch(event, internal=False))
            self._advance()
        return waited

    def tick(self) -> bool:
        """Fire what is due by the portal's clock. Whether anything was."""
        before = len(self.passed)
        with self._acting():
            self._workflow.refresh_timers()
            self._advance()
        return len(self.passed) > before

    def change(self, data: Mapping[str, object]) -> None:
        """Give variables new values in every branch: open deadlines that read them move, and fire if they are past."""
        for task in self._tasks():
            task.set_data(**pure(data))
            if any(names_in(expression) & data.keys() for expression in _timers(task)):
                task.internal_data.pop("event_value", None)
        self.tick()

    @property
    def open_tasks(self) -> tuple[OpenTask, ...]:
        """The steps that wait for a person."""
        specs = [(task, task.task_spec) for task in self._manual()]
        return tuple(OpenTask(str(t.id), s.bpmn_id, s.lane, s.bpmn_name, pure(t.data)) for t, s in specs)

    @property
    def due_at(self) -> datetime | None:
        """The next moment at which `tick` has something to do, aware; event gateways included."""
        waiting = [task for task in self._tasks() if task.state == TaskState.WAITING]
        moments = [moment for task in waiting if (moment := task.internal_data.get("event_value"))]
        return min(map(datetime.fromisoformat, moments), default=None)

    @property
    def is_complete(self) -> bool:
        """Whether the process has come to its end."""
        return bool(self._workflow.completed)

    @property
    def ended_at(self) -> str | None:
        """The end event of the process that was reached last; None before any."""
        return self._ended_at[-1] if self._ended_at else None

    @property
    def data(self) -> dict[str, object]:
        """The variables where the process stands now (with several open branches: in the newest)."""
        here = [task for task in self._tasks() if _is_current(task)]
        return pure((here[-1] if here else self._workflow.last_task or self._workflow.task_tree).data)

    def states(self) -> dict[str, str]:
        """Element id -> "active" (a person has it), "waiting" (for a message or moment) or "done" (behind us).

        Nodes that were passed on an earlier round and lie ahead again are not done. Passed flows are "done" alike.
        """
        diagram, current = self.definition.diagram, [task for task in self._tasks() if _is_current(task)]
        ahead = paths.ahead(diagram, self.definition.order, {task.task_spec.bpmn_id for task in current})
        flows = {flow.id: flow.target for flow in diagram.flows}
        found = {id_: "done" for id_ in self._visited if flows.get(id_, id_) not in ahead}
        for task in self._tasks():
            if task.task_spec.bpmn_id and task.has_state(TaskState.READY | TaskState.STARTED):
                found[task.task_spec.bpmn_id] = "active"
            elif task.state == TaskState.WAITING and isinstance(task.task_spec, CatchingEvent):
                events = [flow.target for flow in diagram.out(task.task_spec.bpmn_id)] if _is_gateway(task) else []
                found |= dict.fromkeys((task.task_spec.bpmn_id, *events), "waiting")
        return found

    def dump(self) -> bytes:
        """The present as bytes for `Engine.restore`; of constant size however often the process went round."""
        if not self._sound:
            raise RuntimeError("an act failed half-way: roll back and restore the instance again")
        return state.dump(self._workflow, {"visited": sorted(self._visited), "ended_at": self._ended_at[-1:]})

    def _tasks(self) -> list[Task]:
        tasks: list[Task] = self._workflow.get_tasks(state=TaskState.ANY_MASK)
        return tasks

    def _manual(self) -> list[Task]:
        return [task for task in self._tasks() if task.state == TaskState.READY and task.task_spec.manual]

    @contextmanager
    def _acting(self) -> Iterator[None]:
        self._sound, was_sound = False, self._sound
        yield
        self._sound = was_sound

    def _advance(self) -> None:
        """Run what needs no person; the library alone would leave a timer that was due at once for the next time."""
        self._workflow.do_engine_steps(did_complete_task=self._note)
        while any(not task.task_spec.manual for task in self._workflow.get_tasks(state=TaskState.READY)):
            self._workflow.do_engine_steps(did_complete_task=self._note)

    def _note(self, task: Task) -> None:
        """Remember a node that is done and the flows that it took; the library's own tasks are not on the diagram."""
        diagram, node = self.definition.diagram, task.task_spec.bpmn_id
        if not node:
            return
        next_ids = {_leads_to(child) for child in task.children}
        taken = [flow.id for flow in diagram.out(node) if flow.target in next_ids]
        self.passed += [node, *taken]
        self._visited.update((node, *taken))
        if diagram.nodes[node].kind == "endEvent" and not diagram.nodes[node].scope:
            self._ended_at.append(node)


def _leads_to(task: Task) -> str:
    """The element that a task stands for; before one with boundary events the library puts a split of its own."""
    name: str = task.task_spec.name
    return name.removesuffix(".BoundaryEventSplit")


def _is_current(task: Task) -> bool:
    """Where the process stands: with a person, or at an event that is not on the edge of something else."""
    if task.state == TaskState.READY:
        return bool(task.task_spec.manual)
    catches = isinstance(task.task_spec, CatchingEvent) and not isinstance(task.task_spec, BoundaryEvent)
    return catches and task.state == TaskState.WAITING


def _is_gateway(task: Task) -> bool:
    return hasattr(task.task_spec.event_definition, "event_definitions")


def _timers(task: Task) -> list[str]:
    """The expressions of the deadlines that a waiting task has worked out."""
    event = getattr(task.task_spec, "event_definition", None)
    if task.state != TaskState.WAITING or event is None:
        return []
    return [one.expression for one in getattr(event, "event_definitions", [event]) if hasattr(one, "expression")]
