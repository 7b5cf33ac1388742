"""bpmn.io's own reader takes every diagram without a warning, so its modeler opens them."""

import json
import subprocess
from pathlib import Path

import pytest

from portal import resources

READ = """
import { BpmnModdle } from 'bpmn-moddle';
let xml = '';
for await (const part of process.stdin) xml += part;
const { rootElement, warnings } = await new BpmnModdle().fromXML(xml);
const planes = rootElement.diagrams.map((diagram) => diagram.plane.planeElement.length);
console.log(JSON.stringify({ planes, warnings: warnings.map((warning) => warning.message) }));
"""


@pytest.mark.parametrize("path", sorted(resources.WORKFLOWS.glob("*.bpmn")), ids=lambda path: path.stem)
def test_bpmn_io_reads_the_diagram_without_a_warning(path: Path) -> None:
    own = resources.ROOT / ".venv" / "bin" / "node"
    answer = subprocess.run(
        [str(own) if own.exists() else "node", "--input-type=module", "--eval", READ],
        input=path.read_text(encoding="utf-8"),
        capture_output=True,
        text=True,
        check=True,
        cwd=resources.ROOT,
    )
    found = json.loads(answer.stdout)
    assert found["warnings"] == []
    assert found["planes"][0] > 20
