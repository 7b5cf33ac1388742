"""How SpiffWorkflow is made to run here: closed expressions, the portal's clock and services, flat variables."""

import json
import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TypeAlias

from SpiffWorkflow.bpmn.parser.event_parsers import EventBasedGatewayParser, EventDefinitionParser
from SpiffWorkflow.bpmn.parser.util import full_tag
from SpiffWorkflow.bpmn.script_engine import PythonScriptEngine
from SpiffWorkflow.bpmn.script_engine.python_environment import BasePythonScriptEngineEnvironment
from SpiffWorkflow.bpmn.specs.defaults import BoundaryEvent, EventBasedGateway, IntermediateCatchEvent
from SpiffWorkflow.bpmn.specs.event_definitions.timer import TimerEventDefinition
from SpiffWorkflow.bpmn.util.subworkflow import BpmnSubWorkflow
from SpiffWorkflow.bpmn.workflow import BpmnWorkflow
from SpiffWorkflow.spiff.parser.event_parsers import SpiffBoundaryEventParser, SpiffIntermediateCatchEventParser
from SpiffWorkflow.spiff.parser.process import SpiffBpmnParser
from SpiffWorkflow.spiff.parser.task_spec import ServiceTaskParser
from SpiffWorkflow.spiff.specs.defaults import ServiceTask
from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState

from portal import clock, expressions

Service: TypeAlias = Callable[..., Mapping[str, object] | None]

for _name in ("spiff", "spiff.workflow", "spiff.task", "spiff.dmn"):
    logging.getLogger(_name).setLevel(logging.WARNING)  # below it the library collects log details on every step


def pure(data: Mapping[str, object]) -> dict[str, object]:
    """A copy that holds plain JSON only and shares nothing with `data`. Raises TypeError or ValueError otherwise."""
    text = json.dumps(dict(data), allow_nan=False)
    if '"typename":' in text:
        raise ValueError("'typename' is the serialiser's own key: it would restore the value as one of its objects")
    copied: dict[str, object] = json.loads(text)
    return copied


class ClosedEnvironment(BasePythonScriptEngineEnvironment):  # type: ignore[misc]
    """Every expression of a diagram or decision table is evaluated here, by the closed evaluator; nothing executes."""

    def evaluate(
        self, expression: str, context: Mapping[str, object], external_context: Mapping[str, object] | None = None
    ) -> object:
        """The value of an expression over the process's variables."""
        return expressions.evaluate(expression.strip(), {**context, **(external_context or {})})

    def execute(self, *_: object, **__: object) -> bool:
        """Scripts are refused by lint; one that comes through is refused again."""
        raise PermissionError("a script is never run")


class ClosedEngine(PythonScriptEngine):  # type: ignore[misc]
    """The closed environment and the services a diagram may call by name. Errors come out as they were raised."""

    def __init__(self, services: Mapping[str, Service]) -> None:
        super().__init__(environment=ClosedEnvironment())
        self.services = services

    def evaluate(self, task: Task, expression: str, external_context: Mapping[str, object] | None = None) -> object:
        """The value of an expression over the variables of `task`."""
        return self.environment.evaluate(expression, task.data, external_context)

    def call_service(
        self, task: Task, *, operation_name: str, operation_params: Mapping[str, Mapping[str, object]]
    ) -> dict[str, object]:
        """Call a service with the diagram's parameters as keyword arguments; its answer as plain JSON, {} for None."""
        del task  # a service gets what the diagram says, never the process itself
        answer = self.services[operation_name](**{key: given["value"] for key, given in operation_params.items()})
        return pure(answer or {})


class PortalServiceTask(ServiceTask):  # type: ignore[misc]
    """A service task whose answer lands in its result variable, or without one becomes variables of the process."""

    def _execute(self, task: Task) -> bool:
        engine, parameters = task.workflow.script_engine, self.evaluate_params(task)
        answer = engine.call_service(task, operation_name=self.operation_name, operation_params=parameters)
        result = self.extensions["serviceTaskOperator"]["resultVariable"]
        task.data.update({result: answer} if result else answer)
        require(self.operation_name, gives(self), task.data if result else answer)
        return True


class Deadline(TimerEventDefinition):  # type: ignore[misc]
    """A timer by the portal's clock.

    Its expression gives a moment with an offset from UTC, an ISO 8601 duration from now, or "" for no deadline.
    """

    def has_fired(self, task: Task) -> bool:
        """Whether the moment has come; it is worked out once, when the process arrives."""
        if not task.internal_data.get("event_value"):
            task.internal_data["event_value"] = self._moment(
                task.workflow.script_engine.evaluate(task, self.expression)
            )
        moment = task.internal_data["event_value"]
        if moment and datetime.fromisoformat(moment) <= clock.now():
            task.internal_data["event_fired"] = True
        return bool(task.internal_data.get("event_fired", False))

    def _moment(self, value: object) -> str:
        if not isinstance(value, str):
            raise TypeError(f"timer {self.name}: {value!r} is neither a moment nor a duration as text")
        return self._worked_out(value).isoformat() if value else ""

    def _worked_out(self, text: str) -> datetime:
        if text.startswith("P"):
            lasting: timedelta = self.get_timedelta_from_start(self.parse_iso_duration(text), clock.now())
            return clock.now() + lasting
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError(f"timer {self.name}: the moment {text!r} has no offset from UTC")
        return moment


class OneWayGateway(EventBasedGateway):  # type: ignore[misc]
    """A gateway that goes on with the event that came first, and keeps none of them.

    The library takes every way whose event is there: a message that comes after a deadline which nobody has ticked yet
    would end the process and leave the deadline's step open; and what it notes of events cannot be stored.
    """

    def _run_hook(self, my_task: Task) -> bool:
        my_task.internal_data["seen_events"] = my_task.internal_data.get("seen_events", [])[:1]
        went_on: bool = super()._run_hook(my_task)
        del my_task.internal_data["seen_events"]
        return went_on


class _Listed:
    """Looks for tasks of a state in the list of all tasks, where the library walks the tree after every single task."""

    tasks: Mapping[object, Task]

    def get_tasks(self, first_task: Task | None = None, **wanted: object) -> list[Task]:
        """The tasks that match, those of subprocesses included."""
        if first_task is not None or wanted.keys() != {"state"}:
            found: list[Task] = super().get_tasks(first_task, **wanted)  # type: ignore[misc]
            return found
        trees: list[_Listed] = [self, *getattr(self, "subprocesses", {}).values()]
        return [task for tree in trees for task in tree.tasks.values() if task.has_state(wanted["state"])]

    def update_waiting_tasks(self) -> None:
        """Let every waiting task of this tree see whether it still has to wait."""
        for task in [task for task in self.tasks.values() if task.state == TaskState.WAITING]:
            task.task_spec._update(task)  # noqa: SLF001 - as the library's own method does


class PortalSubWorkflow(_Listed, BpmnSubWorkflow):  # type: ignore[misc]
    """An embedded subprocess at work."""


class PortalWorkflow(_Listed, BpmnWorkflow):  # type: ignore[misc]
    """A process at work."""

    def create_subprocess(self, my_task: Task, spec_name: str) -> PortalSubWorkflow:
        """Begin the embedded subprocess that `my_task` stands for."""
        begun = PortalSubWorkflow(self.subprocess_specs[spec_name], parent_task_id=my_task.id, top_workflow=self)
        self.subprocesses[my_task.id] = begun
        return begun


def gives(spec: PortalServiceTask) -> list[str]:
    """The variables that a task promises to set, from its `gives` property."""
    names: str = spec.extensions.get("properties", {}).get("gives", "")
    return names.split()


def require(who: str, promised: list[str], given: Mapping[str, object]) -> None:
    """Raise ValueError when something promised was not given: an old value would silently decide the way on."""
    if missing := [name for name in promised if name not in given]:
        raise ValueError(f"{who} must give {', '.join(missing)}")


class _PortalEvents:
    """Timers by the portal's clock; a message's payload becomes variables, as a service's answer does."""

    parse_message_event = EventDefinitionParser.parse_message_event

    def parse_timer_event(self, event: object) -> Deadline:
        expression = event.xpath("./*")[0].text  # type: ignore[attr-defined]
        return Deadline(self.node.get("id"), expression)  # type: ignore[attr-defined]


class _BoundaryEventParser(_PortalEvents, SpiffBoundaryEventParser):  # type: ignore[misc]
    pass


class _CatchEventParser(_PortalEvents, SpiffIntermediateCatchEventParser):  # type: ignore[misc]
    pass


class PortalParser(SpiffBpmnParser):  # type: ignore[misc]
    """SpiffWorkflow's parser with the classes above in place of its own."""

    OVERRIDE_PARSER_CLASSES = {  # noqa: RUF012 - the library's own name and shape
        **SpiffBpmnParser.OVERRIDE_PARSER_CLASSES,
        full_tag("serviceTask"): (ServiceTaskParser, PortalServiceTask),
        full_tag("eventBasedGateway"): (EventBasedGatewayParser, OneWayGateway),
        full_tag("boundaryEvent"): (_BoundaryEventParser, BoundaryEvent),
        full_tag("intermediateCatchEvent"): (_CatchEventParser, IntermediateCatchEvent),
    }
