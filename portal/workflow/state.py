"""An instance's state as bytes: only the present. The specification stays outside, finished history is cut away."""

import json
import zlib
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from SpiffWorkflow.bpmn.serializer import BpmnWorkflowSerializer
from SpiffWorkflow.bpmn.serializer.default.event_definition import (
    MessageEventDefinitionConverter,
    TimerConditionalEventDefinitionConverter,
)
from SpiffWorkflow.bpmn.serializer.default.workflow import (
    BpmnSubWorkflowConverter,
    BpmnWorkflowConverter,
    WorkflowConverter,
)
from SpiffWorkflow.bpmn.specs.event_definitions import MessageEventDefinition
from SpiffWorkflow.spiff.serializer.config import SPIFF_CONFIG
from SpiffWorkflow.spiff.specs.event_definitions import MessageEventDefinition as SpiffMessageEventDefinition
from SpiffWorkflow.util.task import TaskState

from portal.workflow.definitions import Definition, specifications
from portal.workflow.dialect import ClosedEngine, Deadline, PortalSubWorkflow, PortalWorkflow


class _PresentConverter(BpmnWorkflowConverter):  # type: ignore[misc]
    """Leaves the specification out: it belongs to the definition, which is stored once for all its instances."""

    def to_dict(self, workflow: PortalWorkflow) -> dict[str, Any]:
        state: dict[str, Any] = WorkflowConverter.to_dict(self, workflow)
        return state | {"subprocesses": self.mapping_to_dict(workflow.subprocesses)}


_SERIALIZER = BpmnWorkflowSerializer(
    BpmnWorkflowSerializer.configure(
        {cls: converter for cls, converter in SPIFF_CONFIG.items() if cls is not SpiffMessageEventDefinition}
        | {
            PortalWorkflow: _PresentConverter,
            PortalSubWorkflow: BpmnSubWorkflowConverter,
            Deadline: TimerConditionalEventDefinitionConverter,
            MessageEventDefinition: MessageEventDefinitionConverter,
        }
    )
)


def dump(workflow: PortalWorkflow, trail: Mapping[str, object]) -> bytes:
    """The workflow's present and what its host wants to remember with it (`trail`, plain JSON)."""
    state = _SERIALIZER.to_dict(workflow)
    _cut(state, workflow)
    for task_id, inner in list(state["subprocesses"].items()):
        if inner["completed"] or not _known(task_id, state):
            del state["subprocesses"][task_id]
        else:
            _cut(inner, workflow.subprocesses[UUID(task_id)])
    return zlib.compress(json.dumps({"workflow": state, "trail": trail}, separators=(",", ":")).encode(), 1)


def load(definition: Definition, state: bytes, engine: ClosedEngine) -> tuple[PortalWorkflow, dict[str, Any]]:
    """The live workflow and its trail. The one place that restores state: no workflow is without the closed engine."""
    stored = json.loads(zlib.decompress(state))
    spec, subprocess_specs = specifications(definition)
    workflow = _SERIALIZER.from_dict(stored["workflow"] | {"spec": spec, "subprocess_specs": subprocess_specs})
    workflow.script_engine = engine
    return workflow, stored["trail"]


def _known(task_id: str, state: dict[str, Any]) -> bool:
    return any(task_id in tree["tasks"] for tree in (state, *state["subprocesses"].values()))


def _cut(tree: dict[str, Any], workflow: PortalWorkflow) -> None:
    """Hang the lowest common ancestor of everything unfinished right under the root and drop the rest.

    A branch that has reached the end waits there for the others, at the library's own join; it has nothing left to do,
    and counting it would keep its whole history alive.
    """
    tasks, root = tree["tasks"], tree["root"]
    live = [id_ for id_, task in tasks.items() if task["state"] & TaskState.DEFINITE_MASK and not _is_spent(task)]
    top = _lowest_common(tasks, live) if live else tree["last_task"]
    if top == root:
        return
    tasks[top].update(parent=root, data=workflow.tasks[UUID(top)].data, delta={})
    tasks[root].update(children=[top], data={})
    kept, todo = {root}, [top]
    while todo:
        task_id = todo.pop()
        kept.add(task_id)
        todo += tasks[task_id]["children"]
    tree["tasks"] = {id_: task for id_, task in tasks.items() if id_ in kept}
    if tree["last_task"] not in kept:
        tree["last_task"] = top


def _is_spent(task: Mapping[str, Any]) -> bool:
    return bool(task["task_spec"].endswith(".EndJoin") and task["state"] == TaskState.WAITING)


def _lowest_common(tasks: Mapping[str, Mapping[str, Any]], ids: list[str]) -> str:
    """The last task that the paths from the root to all of `ids` share."""
    paths = [_path(tasks, id_) for id_ in ids]
    shared: list[str] = [steps[0] for steps in zip(*paths, strict=False) if len(set(steps)) == 1]
    return shared[-1]


def _path(tasks: Mapping[str, Mapping[str, Any]], task_id: str | None) -> list[str]:
    steps: list[str] = []
    while task_id is not None:
        steps.append(task_id)
        task_id = tasks[task_id]["parent"]
    return steps[::-1]
