"""What is refused before it is run: each construct with the file, the element and the reason."""

from pathlib import Path

import pytest

from portal import resources
from portal.errors import BadDefinition
from portal.workflow import Definition, Engine, load_definitions
from tests.unit.workflow_driver import definition, document, ends, flow, lanes, path, person, service, timer

PLAIN = lanes("work") + '<startEvent id="begin"/>' + person("work") + ends("done") + path("begin", "work", "done")


def between(*nodes: str, inside: str) -> str:
    """A process from begin to done over `nodes`, which `inside` describes."""
    return lanes("work") + '<startEvent id="begin"/>' + inside + ends("done") + path("begin", *nodes, "done")


def task(inner: str, kind: str = "userTask") -> str:
    return between("work", inside=f'<{kind} id="work" name="Work">{inner}</{kind}>')


def end(inner: str) -> str:
    return PLAIN.replace('<endEvent id="done"/>', f'<endEvent id="done">{inner}</endEvent>')


def extension(inner: str) -> str:
    return f"<extensionElements>{inner}</extensionElements>"


def choice(inside: str, gateway: str = '<exclusiveGateway id="choice" default="choice_to_done"/>') -> str:
    begin = lanes("work", "other") + '<startEvent id="begin"/>' + person("work") + person("other") + gateway
    return begin + ends("done") + path("begin", "work", "choice") + flow("other", "done") + inside


def waiting(*events: str) -> str:
    """An event gateway with the given catch events `first`, `second`."""
    begin = '<startEvent id="begin"/><eventBasedGateway id="wait"/>' + ends("done") + "".join(events)
    flows = path("begin", "wait", "first", "done") + path("wait", "second", "done")
    return begin + flows


def catch(id_: str, inner: str) -> str:
    return f'<intermediateCatchEvent id="{id_}">{inner}</intermediateCatchEvent>'


def boundary(inner: str, host: str = "work") -> str:
    event = f'<boundaryEvent id="edge" attachedToRef="{host}">{inner}</boundaryEvent>'
    return PLAIN + event + ends("late") + flow("edge", "late")


MESSAGE = '<messageEventDefinition messageRef="message_news"/>'
NEWS = '<message id="message_news" name="news"/>'
EXITS = flow("choice", "other", "x == 1") + flow("choice", "done")

REFUSED = {
    "script task": (task("<script>x = 1</script>", "scriptTask"), "work", "free code"),
    "script before a task": (task(extension("<spiff:preScript>x = 1</spiff:preScript>")), "work", "free code"),
    "script after a task": (task(extension("<spiff:postScript>x = 1</spiff:postScript>")), "work", "free code"),
    "event subprocess": (PLAIN + '<subProcess id="sub" triggeredByEvent="true"/>', "sub", "starts by itself"),
    "signal end event": (end("<signalEventDefinition/>"), "done", "throws nothing"),
    "link event": (end("<linkEventDefinition/>"), "done", "never reached"),
    "compensation": (end("<compensateEventDefinition/>"), "done", "silently dropped"),
    "compensation handler": (PLAIN.replace('id="work"', 'id="work" isForCompensation="true"'), "work", "silently"),
    "terminate end event": (end("<terminateEventDefinition/>"), "done", "known to run right"),
    "error end event": (end("<errorEventDefinition/>"), "done", "known to run right"),
    "message end event": (end(MESSAGE), "done", "other events for nothing"),
    "complex gateway": (PLAIN + '<complexGateway id="choice"/>', "choice", "not executed"),
    "inclusive gateway": (PLAIN + '<inclusiveGateway id="choice"/>', "choice", "known to run right"),
    "ad-hoc subprocess": (PLAIN + '<adHocSubProcess id="sub"/>', "sub", "fail"),
    "transaction": (PLAIN + '<transaction id="sub"/>', "sub", "known to run right"),
    "called process": (PLAIN + '<callActivity id="call" calledElement="x"/>', "call", "one process"),
    "data object": (PLAIN + '<dataObject id="paper"/>', "paper", "hang"),
    "data object reference": (PLAIN + '<dataObjectReference id="paper"/>', "paper", "hang"),
    "data store reference": (PLAIN + '<dataStoreReference id="archive"/>', "archive", "not connected"),
    "multi-instance": (task("<multiInstanceLoopCharacteristics/>"), "work", "lose results"),
    "standard loop": (task("<standardLoopCharacteristics/>"), "work", "not tried"),
    "manual task": (task("", "manualTask"), "work", "known to run right"),
    "send task": (task("", "sendTask"), "work", "known to run right"),
    "foreign extension": (task(extension('<form xmlns="https://forms.example"/>')), "work", "known to run right"),
    "unknown property": (
        task(extension('<spiff:properties><spiff:property name="x" value="y"/></spiff:properties>')),
        "work",
        "means nothing",
    ),
    "message that is sent": (task(extension("<spiff:messagePayload>x</spiff:messagePayload>")), "work", "never sent"),
    "repeated timer": (
        boundary("<timerEventDefinition><timeCycle>'R3/P1D'</timeCycle></timerEventDefinition>"),
        "edge",
        "repeated",
    ),
    "two event definitions": (boundary(timer("x") + MESSAGE), "edge", "once only"),
    "boundary event without a moment": (boundary("<timerEventDefinition/>"), "edge", "waits for one timer"),
    "boundary event on a service": (
        between("work", inside=service("work"))
        + '<boundaryEvent id="edge" attachedToRef="work">'
        + timer("x")
        + "</boundaryEvent>"
        + ends("late")
        + flow("edge", "late"),
        "edge",
        "nothing else lasts",
    ),
    "boundary event on nothing": (boundary(timer("x"), host="nobody"), "edge", "nothing else lasts"),
    "start by timer": (PLAIN.replace('"begin"/>', f'"begin">{timer("x")}</startEvent>', 1), "begin", "for nothing"),
    "event gateway with two timers": (
        waiting(catch("first", timer("x")), catch("second", timer("y"))),
        "wait",
        "two timers",
    ),
    "event gateway with one message twice": (
        waiting(catch("first", MESSAGE), catch("second", MESSAGE)),
        "wait",
        "same message",
    ),
    "event gateway before a task": (
        waiting(catch("first", timer("x")), service("second")),
        "wait",
        "a catch event of its own",
    ),
    "parallel event gateway": (
        waiting(catch("first", timer("x")), catch("second", MESSAGE)).replace(
            '"wait"/>', '"wait" eventGatewayType="Parallel"/>'
        ),
        "wait",
        "one of its events",
    ),
    "gateway that starts a process": (
        waiting(catch("first", timer("x")), catch("second", MESSAGE)).replace(
            '"wait"/>', '"wait" instantiate="true"/>'
        ),
        "wait",
        "start event only",
    ),
    "exclusive gateway without default": (choice(EXITS, '<exclusiveGateway id="choice"/>'), "choice", "default"),
    "exit without a condition": (
        choice(flow("choice", "other") + flow("choice", "done")),
        "choice",
        "every other needs a condition",
    ),
    "condition on the default": (
        choice(flow("choice", "other", "x == 1") + flow("choice", "done", "x == 2")),
        "choice",
        "default",
    ),
    "condition after a parallel gateway": (
        choice(EXITS, '<parallelGateway id="choice"/>'),
        "choice",
        "takes conditions",
    ),
    "condition after a task": (
        PLAIN.replace(flow("work", "done"), flow("work", "done", "x")),
        "work",
        "takes conditions",
    ),
    "several flows out of a task": (PLAIN + ends("other") + flow("work", "other"), "work", "several flows"),
    "two flows between the same elements": (
        choice(EXITS + '<sequenceFlow id="again" sourceRef="choice" targetRef="done"/>'),
        "again",
        "cannot be told apart",
    ),
    "flow to nowhere": (PLAIN + flow("work", "nowhere"), "work_to_nowhere", "must connect two elements"),
    "task that leads nowhere": (PLAIN.replace(flow("work", "done"), ""), "work", "a flow is missing"),
    "element nothing leads to": (
        PLAIN + service("a") + service("b") + path("a", "b", "a"),
        "a",
        "no path from the start",
    ),
    "no end": (PLAIN.replace(ends("done"), "").replace(flow("work", "done"), ""), "test", "at least one end"),
    "two starts": (PLAIN + '<startEvent id="also"/>' + flow("also", "work"), "test", "one start event"),
    "service without a service": (task("", "serviceTask"), "work", "calls a service"),
    "person who calls a service": (
        task(extension('<spiff:serviceTaskOperator id="x.y"><spiff:parameters/></spiff:serviceTaskOperator>')),
        "work",
        "nothing else, calls a service",
    ),
    "service named like an element": (between("work", inside=service("work", "done")), "work", "id of an element"),
    "parameter without a value": (between("work", inside=service("work", x="")), "work", "needs a value"),
    "parameter that is no name": (
        between("work", inside=service("work", **{"a-b": "1"})),
        "work",
        "not a variable name",
    ),
    "result and variables": (between("work", inside=service("work", result="r", gives="x")), "work", "lands either"),
    "decision that does not exist": (
        task(extension("<spiff:calledDecisionId>nothing</spiff:calledDecisionId>"), "businessRuleTask"),
        "work",
        "no decision 'nothing'",
    ),
    "user task without a lane": (PLAIN.replace(lanes("work"), ""), "work", "in a lane"),
    "user task without a name": (PLAIN.replace(' name="Work"', ""), "work", "a name"),
    "id used twice": (PLAIN + ends("done"), "done", "more than once"),
    "the engine's own id": (PLAIN.replace('"done"', '"End"').replace("work_to_done", "x"), "End", "engine's own"),
    "loop without a rest": (
        between("first", "choice", inside=service("first") + '<exclusiveGateway id="choice" default="choice_to_done"/>')
        + flow("choice", "first", "x == 1"),
        "choice",
        "never ends",
    ),
    "call in a condition": (
        choice(flow("choice", "other", "open(1)") + flow("choice", "done")),
        "choice",
        "expression",
    ),
    "attribute in a parameter": (between("work", inside=service("work", x="().__class__")), "work", "expression"),
    "call in a timer": (boundary(timer("exit()")), "edge", "expression"),
    "power in a condition": (choice(flow("choice", "other", "9**9") + flow("choice", "done")), "choice", "expression"),
    "not executable": (PLAIN, "test", "not executable"),
}


def _text(name: str) -> str:
    text = document(REFUSED[name][0], head=NEWS)
    return text.replace('isExecutable="true"', 'isExecutable="false"') if name == "not executable" else text


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    _, element, reason = REFUSED[name]
    with pytest.raises(BadDefinition) as refused:
        Definition.of("test", {"test.bpmn": _text(name)}).check()
    assert (refused.value.file, refused.value.element) in {("test.bpmn", element), ("test.bpmn", _host(element))}
    assert reason in refused.value.reason


def _host(element: str) -> str:
    """A timer on an edge is evaluated on arrival at what it sits on, and reported there."""
    return "work" if element == "edge" else element


def test_plain_process_is_admitted() -> None:
    assert definition(PLAIN).needed_at_start == frozenset()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<definitions", '<!DOCTYPE definitions SYSTEM "https://evil.example/x.dtd"><definitions'),
        ("<definitions", '<!DOCTYPE d [<!ENTITY a "aaaa">]><definitions'),
        ('name="Work"', 'name="&missing;"'),
        ("</definitions>", ""),
    ],
    ids=["document type", "entity", "unknown entity", "not well-formed"],
)
def test_hostile_or_broken_xml_is_refused(before: str, after: str) -> None:
    text = document(PLAIN).replace(before, after)
    with pytest.raises(BadDefinition) as refused:
        Definition.of("test", {"test.bpmn": text}).check()
    assert refused.value.file == "test.bpmn"


@pytest.mark.parametrize(("missing", "kind"), [("work", "shape"), ("begin_to_work", "line"), ("somebody", "shape")])
def test_what_is_not_drawn_is_refused(missing: str, kind: str) -> None:
    text = document(PLAIN).replace(f'bpmnElement="{missing}"', 'bpmnElement="elsewhere"')
    with pytest.raises(BadDefinition, match=f"{missing}: .* {kind} in the drawing"):
        Definition.of("test", {"test.bpmn": text}).check()


def test_collaborations_of_two_are_refused() -> None:
    text = document(PLAIN).replace("</collaboration>", '<participant id="other" name="Other"/></collaboration>')
    with pytest.raises(BadDefinition, match="one pool with one process"):
        Definition.of("test", {"test.bpmn": text}).check()


def test_correlation_is_refused() -> None:
    with pytest.raises(BadDefinition, match="case: messages are addressed to one instance"):
        definition(PLAIN, head='<correlationProperty id="case"/>')


def test_data_store_is_refused() -> None:
    with pytest.raises(BadDefinition, match="archive: data stores are not connected"):
        definition(PLAIN, head='<dataStore id="archive" name="Archive"/>')


def test_unknown_service_is_refused_at_load_and_at_start(tmp_path: Path) -> None:
    inside = between("work", inside=service("work", "reports.vanish"))
    (tmp_path / "test.bpmn").write_text(document(inside), encoding="utf-8")
    with pytest.raises(BadDefinition, match=r"test\.bpmn: work: unknown service 'reports\.vanish'"):
        load_definitions(tmp_path, services={"reports.freeze"})
    with pytest.raises(BadDefinition, match="unknown service"):
        Engine(load_definitions(tmp_path), {})


def test_a_process_has_the_name_of_its_file(tmp_path: Path) -> None:
    (tmp_path / "other.bpmn").write_text(document(PLAIN), encoding="utf-8")
    with pytest.raises(BadDefinition, match="the id 'other'"):
        load_definitions(tmp_path)


def test_only_the_tables_a_process_calls_belong_to_it() -> None:
    found = load_definitions(resources.WORKFLOWS)
    assert sorted(found) == ["amendment", "deviation", "report", "sanction"]
    assert sorted(found["report"].files) == ["report.bpmn", "review_route.dmn"]
    assert sorted(found["deviation"].files) == ["deviation.bpmn"]


def test_the_hash_knows_every_file_and_nothing_else() -> None:
    files = {"a.bpmn": "x", "b.dmn": "y"}
    same = Definition.of("test", dict(reversed(files.items())))
    assert Definition.of("test", files) == same
    assert Definition.of("test", {**files, "b.dmn": "z"}).content_hash != same.content_hash
    assert Definition.of("test", {"a.bpmn": "x", "c.dmn": "y"}).content_hash != same.content_hash


def test_what_must_be_known_at_the_start_is_worked_out_from_the_flows() -> None:
    needed = {name: sorted(found.needed_at_start) for name, found in load_definitions(resources.WORKFLOWS).items()}
    assert needed == {
        "amendment": ["report_id"],
        "report": ["begin_at", "escalate_at", "missed_at", "remind_at", "report_id"],
        "deviation": ["deviation_id", "warn_notice_at"],
        "sanction": ["sanction_id"],
    }


def test_a_variable_that_one_path_leaves_unset_is_needed_at_the_start() -> None:
    either = choice(flow("choice", "other", "early == 1") + flow("choice", "last"))
    either = either.replace(flow("other", "done"), path("other", "last", "done")) + service("last", x="early", y="late")
    either = either.replace(person("other"), person("other", gives="late")).replace("choice_to_done", "choice_to_last")
    assert definition(either).needed_at_start == {"early", "late"}
    assert definition(either.replace(person("work"), person("work", gives="early late"))).needed_at_start == frozenset()
