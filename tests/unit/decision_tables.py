"""A process that decides by a table, and tables for it."""

from tests.unit.workflow_driver import ends, lanes, path, person

RULE_TASK = """<businessRuleTask id="choose" name="Choose"><extensionElements>
<spiff:calledDecisionId>choice</spiff:calledDecisionId></extensionElements></businessRuleTask>"""
PROCESS = (
    lanes("work")
    + '<startEvent id="begin"/>'
    + RULE_TASK
    + person("work")
    + ends("done")
    + path("begin", "choose", "work", "done")
)


def table(
    rules: list[tuple[str, str]], policy: str = ' hitPolicy="FIRST"', column: str = "amount", output: str = "found"
) -> str:
    rows = "".join(
        f'<rule id="rule_{n}"><inputEntry id="if_{n}"><text>{_xml(test)}</text></inputEntry>'
        f'<outputEntry id="then_{n}"><text>{_xml(result)}</text></outputEntry></rule>'
        for n, (test, result) in enumerate(rules)
    )
    columns = f'<input id="in"><inputExpression id="in_expression"><text>{column}</text></inputExpression></input>'
    inside = f'{columns}<output id="out" name="{output}"/>{rows}'
    decision = (
        f'<decision id="choice" name="Choice"><decisionTable id="table"{policy}>{inside}</decisionTable></decision>'
    )
    space = "https://www.omg.org/spec/DMN/20191111/MODEL/"
    return f'<definitions xmlns="{space}" id="tables" name="T" namespace="https://t.example">{decision}</definitions>'


def _xml(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
