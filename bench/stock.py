"""SpiffWorkflow as its documentation shows it, behind the portal's own operations and rows.

The diagram is parsed once. Every instance holds its specification; after each act the whole of it goes to JSON, and
before the next it is read back whole. Nothing is cut, cached or compiled. Services reach the process's variables
through the environment, as in the library's example of service tasks.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Flask
from SpiffWorkflow.bpmn import BpmnWorkflow
from SpiffWorkflow.bpmn.script_engine import PythonScriptEngine, TaskDataEnvironment
from SpiffWorkflow.bpmn.serializer import BpmnWorkflowSerializer
from SpiffWorkflow.spiff.parser.process import SpiffBpmnParser
from SpiffWorkflow.spiff.serializer.config import SPIFF_CONFIG
from SpiffWorkflow.util.task import TaskState

from portal.workflow import Definition, OpenTask

Service = Callable[..., Mapping[str, object] | None]

_SERIALIZER = BpmnWorkflowSerializer(BpmnWorkflowSerializer.configure(SPIFF_CONFIG))


def put_into(app: Flask, services: Mapping[str, Service]) -> None:
    """Give an application this engine in place of its own."""
    own = app.extensions["klimakontrakt"]
    app.extensions["klimakontrakt"] = replace(own, engine=StockEngine(own.engine.definitions["report"], services))


class StockEngine:
    """What the portal asks of its engine, for report.bpmn alone."""

    def __init__(self, definition: Definition, services: Mapping[str, Service]) -> None:
        parser = SpiffBpmnParser()
        parser.add_bpmn_str(definition.bpmn[1].encode())
        for table in definition.dmn.values():
            parser.add_dmn_str(table.encode())
        self.definitions = {definition.name: definition}
        self._spec = parser.get_spec(definition.name), parser.get_subprocess_specs(definition.name)
        self._script = PythonScriptEngine(environment=_Services(services))

    def start(self, _definition: Definition, data: Mapping[str, object]) -> "StockInstance":
        """A new instance, not yet run."""
        workflow = BpmnWorkflow(*self._spec, script_engine=self._script)
        workflow.task_tree.set_data(**data)
        return StockInstance(workflow)

    def restore(self, _definition: Definition, stored: bytes) -> "StockInstance":
        """The instance as it was, specification and all."""
        workflow = _SERIALIZER.deserialize_json(stored.decode())
        workflow.script_engine = self._script
        return StockInstance(workflow)


class StockInstance:
    """What the portal asks of an instance, with the library's own calls."""

    def __init__(self, workflow: BpmnWorkflow) -> None:
        self._workflow = workflow

    def run(self) -> None:
        """Go on to the first wait."""
        self._workflow.do_engine_steps()

    def complete(self, task_id: str, data: Mapping[str, object]) -> None:
        """A person has done a step."""
        task = self._workflow.get_task_from_id(UUID(task_id))
        task.set_data(**data)
        task.run()
        self._workflow.do_engine_steps()

    @property
    def open_tasks(self) -> tuple[OpenTask, ...]:
        """The steps that wait for a person."""
        found = self._workflow.get_tasks(state=TaskState.READY, manual=True)
        specs = [(task, task.task_spec) for task in found]
        return tuple(OpenTask(str(t.id), s.bpmn_id, s.lane, s.bpmn_name, t.data) for t, s in specs)

    @property
    def due_at(self) -> datetime | None:
        """The next moment that a timer waits for."""
        waiting = [event.value for event in self._workflow.waiting_events() if "Time" in event.event_type]
        return min(map(datetime.fromisoformat, waiting), default=None)

    @property
    def is_complete(self) -> bool:
        """Whether it has come to its end."""
        return bool(self._workflow.is_completed())

    def states(self) -> dict[str, str]:
        """Element id -> where it stands, for the picture."""
        words = {TaskState.READY: "active", TaskState.WAITING: "waiting", TaskState.COMPLETED: "done"}
        tasks = self._workflow.get_tasks()
        return {
            task.task_spec.bpmn_id: words[task.state]
            for task in tasks
            if task.task_spec.bpmn_id and task.state in words
        }

    def dump(self) -> bytes:
        """All of it as JSON."""
        text: str = _SERIALIZER.serialize_json(self._workflow)
        return text.encode()


class _Services(TaskDataEnvironment):
    """Services by the names that the diagram calls; what they answer becomes variables."""

    def __init__(self, services: Mapping[str, Service]) -> None:
        super().__init__()
        self._services = services

    def call_service(self, context: dict[str, Any], **called: Any) -> str:
        given = {name: each["value"] for name, each in called["operation_params"].items()}
        answer = self._services[called["operation_name"]](**given) or {}
        context.update(answer)
        return json.dumps(answer)
