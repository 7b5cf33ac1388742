"""An instance's state as bytes: only the present. The specification stays outside, finished history is cut away.

The form is the library's own (`BpmnWorkflowSerializer`, version 1.5), written and read here without its walk through
every value: a process's variables are plain JSON already.
"""

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from uuid import UUID

from SpiffWorkflow.bpmn.serializer.helpers import DefaultRegistry
from SpiffWorkflow.bpmn.specs.mixins.events.event_types import CatchingEvent
from SpiffWorkflow.bpmn.specs.mixins.subworkflow_task import SubWorkflowTask
from SpiffWorkflow.task import Task
from SpiffWorkflow.util.deep_merge import DeepMerge
from SpiffWorkflow.util.task import TaskState

from portal.workflow.definitions import Definition, specifications
from portal.workflow.dialect import ClosedEngine, PortalSubWorkflow, PortalWorkflow

_OWN_NOTES = DefaultRegistry()
"""Turns what the library notes for itself on a task into JSON, and back."""


def dump(workflow: PortalWorkflow, trail: Mapping[str, object]) -> bytes:
    """The workflow's present and what its host wants to remember with it (`trail`, plain JSON)."""
    state = _tree(workflow)
    known = {*state["tasks"]}
    inside: dict[str, Any] = {}
    for task_id, inner in workflow.subprocesses.items():
        if not inner.completed and str(task_id) in known:
            inside[str(task_id)] = {**_tree(inner), "parent_task_id": str(task_id), "spec": inner.spec.name}
            known |= inside[str(task_id)]["tasks"].keys()
    stored = {"workflow": state | {"subprocesses": inside}, "trail": trail}
    return zlib.compress(json.dumps(stored, separators=(",", ":")).encode(), 1)


def load(definition: Definition, state: bytes, engine: ClosedEngine) -> tuple[PortalWorkflow, dict[str, Any]]:
    """The live workflow and its trail. The one place that restores state: no workflow is without the closed engine."""
    stored = json.loads(zlib.decompress(state))
    workflow = PortalWorkflow(*specifications(definition), script_engine=engine, deserializing=True)
    _fill(workflow, stored["workflow"])
    _fill_subprocesses(workflow, workflow, stored["workflow"]["subprocesses"])
    return workflow, stored["trail"]


def _tree(workflow: PortalWorkflow | PortalSubWorkflow) -> dict[str, Any]:
    """One tree of tasks: hung by the lowest common ancestor of everything unfinished, right under the root.

    A branch that has reached the end waits there for the others, at the library's own join; it has nothing left to do,
    and counting it would keep its whole history alive.
    """
    root: Task = workflow.task_tree
    live = [task for task in workflow.tasks.values() if task.has_state(TaskState.DEFINITE_MASK) and not _is_spent(task)]
    top = _lowest_common(live) if live else workflow.last_task
    kept = {root.id, *(task.id for task in _from(top))}
    tasks = {str(task.id): written(task) for task in workflow.tasks.values() if task.id in kept}
    if top is not root:
        tasks[str(top.id)].update(parent=str(root.id), data=top.data, delta={})
        tasks[str(root.id)].update(children=[str(top.id)], data={})
    last = workflow.last_task
    return {
        "data": workflow.data,
        "correlations": workflow.correlations,
        "last_task": str(last.id if last.id in kept else top.id) if last is not None else None,
        "success": workflow.success,
        "completed": workflow.completed,
        "tasks": tasks,
        "root": str(root.id),
    }


def written(task: Task) -> dict[str, Any]:
    """One task, as the library writes it."""
    parent = task.parent
    changes = (
        {
            "updates": DeepMerge.get_updated_keys(parent.data, task.data),
            "deletions": DeepMerge.get_deleted_keys(parent.data, task.data),
        }
        if parent is not None
        else {}
    )
    return {
        "id": str(task.id),
        "parent": str(parent.id) if parent is not None else None,
        "children": [str(child.id) for child in task.children],
        "last_state_change": task.last_state_change,
        "state": task.state,
        "task_spec": task.task_spec.name,
        "triggered": task.triggered,
        "internal_data": _OWN_NOTES.convert(task.internal_data) if task.internal_data else {},
        "data": {} if parent is not None else task.data,
        "delta": changes,
    }


def _fill(workflow: PortalWorkflow | PortalSubWorkflow, tree: Mapping[str, Any]) -> None:
    """Give a workflow made for it the tasks of a stored tree; a parent stands before its children."""
    ids = {text: UUID(text) for text in tree["tasks"]}
    for text, stored in tree["tasks"].items():
        task = Task(workflow, workflow.spec.task_specs[stored["task_spec"]], state=stored["state"], id=ids[text])
        task.parent = workflow.tasks[ids[stored["parent"]]] if stored["parent"] is not None else None
        task.last_state_change, task.triggered = stored["last_state_change"], stored["triggered"]
        task.internal_data = _OWN_NOTES.restore(stored["internal_data"])
        task.data = _variables(task.parent, stored)
        if isinstance(task.task_spec, CatchingEvent) and task.state == TaskState.WAITING:
            workflow.top_workflow.event_manager.add_task(task)
    for text, stored in tree["tasks"].items():
        workflow.tasks[ids[text]].children = [workflow.tasks[ids[child]] for child in stored["children"]]
    workflow.task_tree = workflow.tasks[ids[tree["root"]]]
    workflow.last_task = workflow.tasks[ids[tree["last_task"]]] if tree["last_task"] is not None else None
    workflow.success, workflow.completed = tree["success"], tree["completed"]
    workflow.correlations, workflow.data = tree["correlations"], tree["data"]


def _variables(parent: Task | None, stored: Mapping[str, Any]) -> dict[str, Any]:
    if parent is None or not stored["delta"]:
        return {**stored["data"]}
    data: dict[str, Any] = DeepMerge.merge({}, parent.data)
    data.update(stored["delta"]["updates"])
    for name in stored["delta"]["deletions"]:
        data.pop(name, None)
    return data


def _fill_subprocesses(
    top: PortalWorkflow, outer: PortalWorkflow | PortalSubWorkflow, trees: Mapping[str, Any]
) -> None:
    for task in outer.tasks.values():
        if isinstance(task.task_spec, SubWorkflowTask) and str(task.id) in trees:
            spec = top.subprocess_specs[task.task_spec.spec]
            inner = PortalSubWorkflow(spec, task.id, top, deserializing=True)
            _fill(inner, trees[str(task.id)])
            top.subprocesses[task.id] = inner
            inner.completed_event.connect(task.task_spec._on_subworkflow_completed, task)  # noqa: SLF001 - as theirs
            _fill_subprocesses(top, inner, trees)


def _is_spent(task: Task) -> bool:
    return bool(task.task_spec.name.endswith(".EndJoin") and task.state == TaskState.WAITING)


def _lowest_common(tasks: Iterable[Task]) -> Task:
    """The last task that the paths from the root to all of these share."""
    paths = [_path(task) for task in tasks]
    shared: list[Task] = [steps[0] for steps in zip(*paths, strict=False) if all(step is steps[0] for step in steps)]
    return shared[-1]


def _path(task: Task | None) -> list[Task]:
    steps: list[Task] = []
    while task is not None:
        steps.append(task)
        task = task.parent
    return steps[::-1]


def _from(top: Task) -> Iterator[Task]:
    """A task and all that follow from it."""
    todo = [top]
    while todo:
        task = todo.pop()
        yield task
        todo += task.children
