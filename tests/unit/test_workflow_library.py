"""SpiffWorkflow as it is in the pinned version: what we build on, and why some of it is refused.

When one of these fails after an upgrade, the library changed; read the test's name before changing anything else.
"""

import logging
from importlib.metadata import version

import pytest
from SpiffWorkflow.bpmn import BpmnWorkflow
from SpiffWorkflow.bpmn.script_engine import PythonScriptEngine, TaskDataEnvironment
from SpiffWorkflow.bpmn.serializer import BpmnWorkflowSerializer
from SpiffWorkflow.bpmn.serializer.default.workflow import TaskConverter
from SpiffWorkflow.bpmn.serializer.helpers import DefaultRegistry
from SpiffWorkflow.spiff.parser.process import SpiffBpmnParser
from SpiffWorkflow.spiff.serializer.config import SPIFF_CONFIG
from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState

from portal.workflow import state
from portal.workflow.diagram import read_xml
from tests.unit.decision_tables import PROCESS, table
from tests.unit.workflow_driver import PERIOD, Drive, document, ends, iso, lanes, path, person, timer


def stock(inside: str, head: str = "", dmn: str = "", **data: object) -> BpmnWorkflow:
    """A workflow as the library alone makes it."""
    parser = SpiffBpmnParser()
    if dmn:
        parser.add_dmn_xml(read_xml("x.dmn", dmn), "x.dmn")
    parser.add_bpmn_xml(read_xml("x.bpmn", document(inside, head=head)).getroottree(), "x.bpmn")
    workflow = BpmnWorkflow(parser.get_spec("test"), parser.get_subprocess_specs("test"))
    workflow.task_tree.set_data(**data)
    workflow.do_engine_steps()
    return workflow


def test_the_version_is_the_one_these_tests_speak_of() -> None:
    assert version("SpiffWorkflow") == "3.2.0"


# -- what we build on -------------------------------------------------------------------------------------------------


def test_a_serialised_workflow_has_the_shape_that_is_cut() -> None:
    workflow = stock(
        lanes("work") + '<startEvent id="begin"/>' + person("work") + ends("done") + path("begin", "work", "done")
    )
    written = BpmnWorkflowSerializer(BpmnWorkflowSerializer.configure(SPIFF_CONFIG)).to_dict(workflow)
    assert written.keys() >= {"tasks", "root", "last_task", "subprocesses", "completed", "spec", "subprocess_specs"}
    task = written["tasks"][written["root"]]
    assert task.keys() == {
        "id",
        "parent",
        "children",
        "last_state_change",
        "state",
        "task_spec",
        "triggered",
        "internal_data",
        "data",
        "delta",
        "typename",
    }
    assert {type(task["id"]), type(task["children"]), type(task["state"])} == {str, list, int}


def test_a_task_is_written_as_the_library_writes_it() -> None:
    drive = Drive("report", PERIOD)
    drive.wait(6)
    drive.do("fill_in")
    library = TaskConverter(Task, DefaultRegistry())
    trees = [drive.instance._workflow, *drive.instance._workflow.subprocesses.values()]  # noqa: SLF001
    tasks = [task for tree in trees for task in tree.tasks.values()]
    assert len(trees) == 2
    assert any(task.internal_data for task in tasks)
    assert [state.written(task) for task in tasks] == [library.to_dict(task) for task in tasks]


def test_a_task_without_a_delta_carries_its_whole_data() -> None:
    serializer = BpmnWorkflowSerializer(BpmnWorkflowSerializer.configure(SPIFF_CONFIG))
    inside = lanes("work") + '<startEvent id="begin"/>' + person("work") + ends("done") + path("begin", "work", "done")
    written = serializer.to_dict(stock(inside, a=1))
    waiting = next(task for task in written["tasks"].values() if task["task_spec"] == "work")
    waiting.update(data={"b": 2}, delta={})
    restored = serializer.from_dict(written)
    assert restored.get_next_task(spec_name="work").data == {"b": 2}


def test_states_are_ordered_and_definite_ones_follow_finished_ones() -> None:
    assert TaskState.DEFINITE_MASK == TaskState.FUTURE | TaskState.WAITING | TaskState.READY | TaskState.STARTED
    assert TaskState.FINISHED_MASK > TaskState.DEFINITE_MASK > TaskState.PREDICTED_MASK


def test_a_branch_that_is_done_waits_at_the_librarys_own_join() -> None:
    drive = Drive("report", PERIOD)
    drive.wait(6)
    waiting = [t for t in drive.instance._workflow.get_tasks(state=TaskState.WAITING) if not t.task_spec.bpmn_id]  # noqa: SLF001
    names = {task.task_spec.name for task in waiting}
    assert names == {"report.EndJoin", "prepare.BoundaryEventJoin"}


def test_a_split_is_named_after_the_task_whose_edge_it_serves() -> None:
    drive = Drive("report", PERIOD)
    names = {task.task_spec.name for task in drive.instance._workflow.get_tasks()}  # noqa: SLF001
    assert "prepare.BoundaryEventSplit" in names


def test_a_timer_behind_an_event_gateway_keeps_its_moment_at_the_gateway() -> None:
    drive = Drive(
        "deviation",
        {"deviation_id": 1, "warn_notice_at": ""},
        deviations__send_notice={"undelivered_at": iso(3), "reply_due_at": ""},
    )
    drive.do("assess", assessment="notify")
    [gateway] = drive.instance._workflow.get_tasks(state=TaskState.WAITING)  # noqa: SLF001
    assert gateway.task_spec.bpmn_id == "delivery"
    assert gateway.internal_data["event_value"] == iso(3)


def test_the_librarys_loggers_are_quiet() -> None:
    for name in ("spiff", "spiff.workflow", "spiff.task"):
        assert logging.getLogger(name).level == logging.WARNING


# -- why it is wrapped or refused -------------------------------------------------------------------------------------


def test_a_restored_workflow_would_evaluate_anything() -> None:
    serializer = BpmnWorkflowSerializer(BpmnWorkflowSerializer.configure(SPIFF_CONFIG))
    inside = '<startEvent id="begin"/>' + ends("done") + path("begin", "done")
    restored = serializer.from_dict(serializer.to_dict(stock(inside)))
    assert type(restored.script_engine) is PythonScriptEngine
    assert type(restored.script_engine.environment) is TaskDataEnvironment


def test_a_signal_end_event_throws_nothing() -> None:
    end = '<endEvent id="done"><signalEventDefinition signalRef="alarm"/></endEvent>'
    inside = '<startEvent id="begin"/>' + end + path("begin", "done")
    workflow = stock(inside, head='<signal id="alarm" name="alarm"/>')
    assert workflow.completed
    assert workflow.get_events() == []


def test_two_timers_behind_one_event_gateway_share_a_moment() -> None:
    events = "".join(
        f'<intermediateCatchEvent id="{id_}" name="{id_}">{timer(value)}</intermediateCatchEvent>'
        for id_, value in (("later", '"2999-01-01T00:00:00+00:00"'), ("now", '"2000-01-01T00:00:00+00:00"'))
    )
    gateway = '<startEvent id="begin"/><eventBasedGateway id="wait"/>' + events + ends("done")
    workflow = stock(gateway + path("begin", "wait", "later", "done") + path("wait", "now", "done"))
    assert not workflow.completed, "the one that is past never fires"


@pytest.mark.parametrize(
    ("cell", "amount"), [("not(5)", 6), ("1,2,5", 2)], ids=["not(5) never matches 6", "1,2,5 never matches 2"]
)
def test_cells_of_the_standard_never_match(cell: str, amount: int) -> None:
    workflow = stock(PROCESS, dmn=table([(cell, '"matched"'), ("-", '"missed"')]), amount=amount)
    assert workflow.last_task.data["found"] == "missed"


def test_unique_takes_the_first_of_two_that_match() -> None:
    workflow = stock(PROCESS, dmn=table([("> 0", '"a"'), ("> 1", '"b"')], ' hitPolicy="UNIQUE"'), amount=2)
    assert workflow.last_task.data["found"] == "a"


def test_a_table_without_a_match_sets_nothing() -> None:
    workflow = stock(PROCESS, dmn=table([("> 5", '"a"')]), amount=2)
    assert "found" not in workflow.last_task.data
