"""The engine's face: what it promises its host, whatever the diagram."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from portal import clock, expressions
from portal.errors import InvalidTransition
from portal.workflow import Definition, Engine
from portal.workflow.dialect import ClosedEnvironment
from tests.unit.workflow_driver import (
    MORNING,
    PERIOD,
    Drive,
    definition,
    document,
    ends,
    flow,
    iso,
    lanes,
    path,
    person,
    service,
    timer,
)

BEGIN = '<startEvent id="begin"/>'
WORK = lanes("work") + BEGIN + person("work") + ends("done")
CALL = WORK + service("call", "work.do", "answer", number="number") + path("begin", "work", "call", "done")
NEWS = '<message id="message_news" name="news"/>'
HEAR = '<messageEventDefinition messageRef="message_news"/>'


class ServiceDown(Exception):
    pass


def down(**_: object) -> None:
    raise ServiceDown("the register does not answer")


def working(definition: Definition, service_: object) -> Drive:
    return Drive(definition, {"number": 1}, work__do=service_)


# -- services ---------------------------------------------------------------------------------------------------------


def test_an_error_in_a_service_comes_out_as_it_was_raised_and_the_half_done_instance_cannot_be_stored() -> None:
    process = definition(CALL)
    engine = Engine({"test": process}, {"work.do": down})
    instance = engine.start("test", {"number": 1})
    instance.run()
    stored = instance.dump()
    with pytest.raises(ServiceDown, match="the register does not answer"):
        instance.complete(instance.open_tasks[0].id, {})
    with pytest.raises(RuntimeError, match="roll back"):
        instance.dump()
    assert [task.element for task in engine.restore(process, stored).open_tasks] == ["work"], (
        "the stored state is whole"
    )


def test_an_answer_becomes_variables_or_lands_in_its_result_variable() -> None:
    flat = working(definition(CALL), {"answer": 42, "more": [1, 1]})
    flat.do("work")
    assert flat.calls == [("work.do", {"number": 1})]
    assert flat.instance.data == {"number": 1, "actor_id": 7, "answer": 42, "more": [1, 1]}
    boxed = working(
        definition(CALL.replace(_gives("answer"), "").replace('"work.do"', '"work.do" resultVariable="r"')), {"a": 1}
    )
    boxed.do("work")
    assert boxed.instance.data["r"] == {"a": 1}


def _gives(names: str) -> str:
    return f'<spiff:properties><spiff:property name="gives" value="{names}"/></spiff:properties>'


def test_a_service_that_does_not_give_what_it_promised_is_stopped() -> None:
    drive = working(definition(CALL), None)
    with pytest.raises(ValueError, match=r"work\.do must give answer"):
        drive.do("work")


@pytest.mark.parametrize("answer", [Decimal("1.5"), MORNING, float("nan"), {1, 2}, {"typename": "Task"}])
def test_only_plain_json_gets_into_the_state(answer: object) -> None:
    drive = working(definition(CALL), {"answer": answer})
    with pytest.raises((TypeError, ValueError)):
        drive.do("work")


# -- persons ----------------------------------------------------------------------------------------------------------


def test_a_task_that_is_not_open_is_refused() -> None:
    drive = Drive("report", PERIOD)
    filled_in = drive.instance.open_tasks[0].id
    drive.do("fill_in")
    for task in (filled_in, "", "no-such-task", "00000000-0000-4000-8000-000000000000"):
        with pytest.raises(InvalidTransition):
            drive.instance.complete(task, {"actor_id": 1})
    assert drive.open == ["sign"]


def test_an_old_word_does_not_decide_again() -> None:
    drive = Drive("report", {**PERIOD, "signature": "given"})
    drive.do("fill_in")
    with pytest.raises(ValueError, match="sign must give signature"):
        drive.do("sign")
    assert drive.open == ["sign"]
    drive.instance.dump()


def test_an_open_task_says_what_whose_and_with_which_variables() -> None:
    [task] = Drive("deviation", {"deviation_id": 3, "warn_notice_at": ""}).instance.open_tasks
    assert (task.element, task.lane, task.name, task.data) == (
        "assess",
        "Administrator",
        "Assess the deviation",
        {"deviation_id": 3, "warn_notice_at": ""},
    )


def test_tasks_in_a_subprocess_lie_in_its_lane() -> None:
    [task] = Drive("report", PERIOD).instance.open_tasks
    assert task.lane == "Supplier"


# -- start and versions -----------------------------------------------------------------------------------------------


def test_a_start_without_a_variable_that_will_be_read_is_refused() -> None:
    with pytest.raises(ValueError, match="the start of report must give begin_at, escalate_at, missed_at, remind_at"):
        Drive("report", {"report_id": 1})


def test_an_instance_keeps_the_definition_it_began_with() -> None:
    first = definition(CALL)
    drive = working(first, {"answer": 1})
    stored_text = dict(first.files)
    second = definition(WORK + path("begin", "work", "done"))
    engine = Engine({"test": second}, {"work.do": lambda number: {"answer": number}})
    instance = engine.restore(Definition.of("test", stored_text), drive.instance.dump())
    instance.complete(instance.open_tasks[0].id, {})
    assert instance.data["answer"] == 1
    fresh = engine.start("test", {})
    fresh.run()
    fresh.complete(fresh.open_tasks[0].id, {})
    assert "answer" not in fresh.data


def test_instances_of_one_definition_do_not_know_of_each_other() -> None:
    process = definition(CALL)
    first, second = working(process, {"answer": 1}), working(process, {"answer": 2})
    first.do("work")
    assert second.open == ["work"]
    second.do("work")
    assert (first.instance.data["answer"], second.instance.data["answer"]) == (1, 2)


# -- security (B2) ----------------------------------------------------------------------------------------------------


def test_expressions_are_closed_at_the_start_and_after_every_restore() -> None:
    drive = working(definition(CALL), {"answer": 1})
    for instance in (drive.instance, drive.restored()):
        engine = instance._workflow.script_engine  # noqa: SLF001
        assert type(engine.environment) is ClosedEnvironment
        for attack in ("__import__('os').system('true')", "().__class__.__bases__", "9**9**9", "open('/etc/passwd')"):
            with pytest.raises(expressions.ExpressionRefused):
                engine.environment.evaluate(attack, {})
        with pytest.raises(PermissionError):
            engine.environment.execute("x = 1", {})


# -- time -------------------------------------------------------------------------------------------------------------


def late(value: str, kind: str = "timeDate", interrupting: str = "true") -> Definition:
    how = f'attachedToRef="work" cancelActivity="{interrupting}"'
    event = f'<boundaryEvent id="edge" {how}>{timer(value, kind)}</boundaryEvent>'
    return definition(WORK + event + ends("too_late") + path("begin", "work", "done") + flow("edge", "too_late"))


def test_a_duration_runs_on_the_portals_clock() -> None:
    drive = Drive(late('"P2DT6H"', "timeDuration"), {})
    assert _due(drive) == MORNING + timedelta(days=2, hours=6)
    assert not drive.wait(2.2)
    assert drive.wait(0.06)
    assert drive.instance.ended_at == "too_late"


def _due(drive: Drive) -> datetime | None:
    found = drive.instance.due_at
    return found and found.replace(microsecond=0) + timedelta(seconds=round(found.microsecond / 1e6))


def test_a_moment_fires_when_it_is_reached() -> None:
    drive = Drive(late("limit"), {"limit": iso(1)})
    assert not drive.wait(0.999)
    assert drive.wait(0.001)


def test_a_moment_in_the_past_fires_at_once() -> None:
    drive = Drive(late("limit"), {"limit": iso(-1)})
    assert drive.instance.ended_at == "too_late"


def test_an_interrupting_deadline_takes_the_task_away_and_another_leaves_it() -> None:
    assert not _after_deadline("true").open
    drive = _after_deadline("false")
    assert drive.open == ["work"]
    drive.do("work")
    assert drive.instance.ended_at == "done"


def _after_deadline(interrupting: str) -> Drive:
    drive = Drive(late("limit", interrupting=interrupting), {"limit": iso(1)})
    assert drive.wait(1)
    return drive


def test_no_text_is_no_deadline_until_there_is_one() -> None:
    drive = Drive(late("limit"), {"limit": ""})
    assert drive.instance.due_at is None
    assert not drive.wait(10_000)
    with clock.at(drive.now):
        drive.instance.change({"limit": iso(10_001)})
    assert drive.instance.due_at == MORNING + timedelta(days=10_001)
    assert drive.wait(1)


@pytest.mark.parametrize(
    ("limit", "error"), [("2026-03-09T08:00:00", ValueError), ("soon", ValueError), (5, TypeError)]
)
def test_a_moment_must_be_one_moment_only(limit: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        Drive(late("limit"), {"limit": limit})


def test_a_change_moves_deadlines_that_read_it_and_no_others() -> None:
    drive = Drive(late('"P2D"', "timeDuration"), {})
    drive.days = 1
    with clock.at(drive.now):
        drive.instance.change({"limit": iso(5)})
    assert _due(drive) == MORNING + timedelta(days=2)


# -- messages ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("interrupting", ["true", "false"])
def test_a_message_on_the_edge_of_a_task(interrupting: str) -> None:
    event = f'<boundaryEvent id="edge" attachedToRef="work" cancelActivity="{interrupting}">{HEAR}</boundaryEvent>'
    inside = WORK + event + service("note", what="what") + ends("noted") + path("begin", "work", "done")
    drive = Drive(definition(inside + path("edge", "note", "noted"), head=NEWS), {"what": ""})
    assert not drive.message("other")
    assert drive.message("news", what="moved")
    assert drive.calls == [("work.do", {"what": "moved"})]
    assert drive.open == ([] if interrupting == "true" else ["work"])
    assert drive.message("news", what="again") is False, "it listens once"


def test_a_message_after_a_deadline_that_nobody_ticked_is_the_only_way_on() -> None:
    """An event gateway goes one way, and what it noted of its events can be stored."""
    late = f'<intermediateCatchEvent id="late">{timer("limit")}</intermediateCatchEvent>'
    heard = f'<intermediateCatchEvent id="heard">{HEAR}</intermediateCatchEvent>'
    inside = lanes("work") + BEGIN + '<eventBasedGateway id="either"/>' + late + heard + person("work") + ends("done")
    ways = path("begin", "either", "heard", "done") + path("either", "late", "work", "done")
    process = definition(inside + ways, head=NEWS)
    drive = Drive(process, {"limit": iso(1)})
    drive.days = 2
    assert drive.message("news")
    assert (drive.open, drive.instance.ended_at) == ([], "done")
    assert not {"late", "work"} & set(drive.passed)
    drive = Drive(process, {"limit": iso(1)})
    assert drive.wait(1)
    assert (drive.open, drive.message("news")) == (["work"], False)


# -- several branches -------------------------------------------------------------------------------------------------

TWO = (
    lanes("left", "right", "both")
    + BEGIN
    + '<parallelGateway id="split"/><parallelGateway id="join"/>'
    + '<exclusiveGateway id="choice" default="choice_to_again"/><exclusiveGateway id="again"/>'
    + person("left", "a")
    + person("right", "b")
    + person("both", "word")
    + ends("done")
    + path("begin", "again", "split", "left", "join", "both", "choice", "again")
    + path("split", "right", "join")
    + flow("choice", "done", 'word == "enough"')
)


def test_parallel_branches_meet_every_round_and_leave_nothing_behind() -> None:
    drive = Drive(definition(TWO), {})
    sizes = []
    for turn in range(12):
        assert drive.open == ["left", "right"]
        first, second = ("left", "right") if turn % 2 else ("right", "left")
        drive.do(first, a=turn, b=turn)
        assert drive.open == [second]
        drive.do(second, a=turn, b=turn)
        assert drive.open == ["both"]
        assert (drive.instance.data["a"], drive.instance.data["b"]) == (turn, turn)
        sizes.append(len(drive.instance.dump()))
        drive.do("both", word="enough" if turn == 11 else "more")
    assert drive.instance.is_complete
    assert max(sizes[1:]) - min(sizes[1:]) < 100


def test_subprocesses_within_subprocesses() -> None:
    inner = (
        '<subProcess id="inner"><startEvent id="inner_begin"/>'
        + person("deep", "word")
        + '<exclusiveGateway id="choice" default="choice_to_deep"/>'
        + ends("inner_done")
        + path("inner_begin", "deep", "choice", "deep")
        + flow("choice", "inner_done", 'word == "out"')
        + "</subProcess>"
    )
    outer = f'<subProcess id="outer"><startEvent id="outer_begin"/>{inner}{ends("outer_done")}'
    outer += path("outer_begin", "inner", "outer_done") + "</subProcess>"
    drive = Drive(definition(lanes("outer") + BEGIN + outer + ends("done") + path("begin", "outer", "done")), {})
    assert drive.instance.open_tasks[0].lane == "Somebody"
    sizes = []
    for _ in range(10):
        drive.do("deep", word="again")
        sizes.append(len(drive.instance.dump()))
    assert max(sizes) - min(sizes) < 100
    drive.do("deep", word="out")
    assert drive.instance.ended_at == "done"
    assert drive.instance.data["word"] == "out"


def test_a_finished_instance_stays_finished() -> None:
    drive = Drive(definition(WORK + path("begin", "work", "done")), {})
    drive.do("work")
    again = drive.restored()
    assert (again.is_complete, again.ended_at, again.open_tasks, again.due_at) == (True, "done", (), None)
    assert not again.tick()
    assert not again.message("news", {})
    assert again.states()["work"] == "done"


def test_the_text_of_a_document_is_not_in_the_state() -> None:
    drive = Drive("report", PERIOD)
    assert len(drive.instance.dump()) < 4000
    assert document("") not in drive.definition.files.values()
