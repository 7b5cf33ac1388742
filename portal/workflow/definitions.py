"""Process definitions: the text of a diagram and the decision tables it calls, known by the hash of that text."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from SpiffWorkflow.bpmn.specs.bpmn_process_spec import BpmnProcessSpec
from SpiffWorkflow.exceptions import SpiffWorkflowException
from SpiffWorkflow.spiff.parser.process import VALIDATOR

from portal.errors import BadDefinition
from portal.workflow import decisions, paths, variables
from portal.workflow.diagram import SPIFF, Diagram, read_diagram, read_xml
from portal.workflow.dialect import PortalParser
from portal.workflow.lint import check_services, lint


@dataclass(frozen=True)
class Definition:
    """One version of a process. Instances keep the version they started with: store `files`, rebuild with `of`."""

    name: str
    content_hash: str
    files: Mapping[str, str] = field(compare=False, repr=False)

    @classmethod
    def of(cls, name: str, files: Mapping[str, str]) -> "Definition":
        """The definition of process `name` from stored text: {file name: content}, one .bpmn and the .dmn it calls."""
        digest = sha256()
        for file, text in sorted(files.items()):
            digest.update(f"{file}\0{text}\0".encode())
        return cls(name, digest.hexdigest(), dict(files))

    @property
    def diagram(self) -> Diagram:
        """What may follow what, and where it is drawn."""
        return _diagram(self)

    @property
    def order(self) -> tuple[str, ...]:
        """The ids of its nodes in the order in which one reads them."""
        return _order(self)

    @property
    def needed_at_start(self) -> frozenset[str]:
        """The variables `Engine.start` must be given: those some path reads before a step on it has set them."""
        return _needed_at_start(self)

    @property
    def bpmn(self) -> tuple[str, str]:
        """File name and text of the diagram."""
        found = [(file, text) for file, text in self.files.items() if file.endswith(".bpmn")]
        if len(found) != 1:
            raise BadDefinition(self.name, "", "a definition holds exactly one .bpmn file")
        return found[0]

    @property
    def dmn(self) -> dict[str, str]:
        """File names and texts of the decision tables."""
        return {file: text for file, text in self.files.items() if file.endswith(".dmn")}

    def check(self) -> None:
        """Judge every construct and expression and parse it all. Raises `BadDefinition`: file, element, reason."""
        _judge(self)


def load_definitions(folder: Path, services: Collection[str] | None = None) -> dict[str, Definition]:
    """Every process in `folder` by name, each checked. A process has the name of its file: report.bpmn is `report`.

    With `services`, the names that a diagram may call, a call of any other is refused too.
    """
    tables = {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.dmn"))}
    owner = {id_: table.file for id_, table in decisions.by_id(tables).items()}
    found: dict[str, Definition] = {}
    for path in sorted(folder.glob("*.bpmn")):
        text = path.read_text(encoding="utf-8")
        called = {
            (element.text or "").strip() for element in read_xml(path.name, text).iter(f"{SPIFF}calledDecisionId")
        }
        files = {path.name: text, **{owner[id_]: tables[owner[id_]] for id_ in called & owner.keys()}}
        found[path.stem] = Definition.of(path.stem, files)
        found[path.stem].check()
        if services is not None:
            check_services(path.name, found[path.stem].diagram, services)
    return found


@lru_cache(maxsize=256)
def _judge(definition: Definition) -> None:
    """A definition never changes its content, so it is judged once a process."""
    file, text = definition.bpmn
    lint(file, read_xml(file, text), definition.name, decisions.by_id(definition.dmn))
    specifications(definition)


@lru_cache(maxsize=256)
def specifications(definition: Definition) -> tuple[BpmnProcessSpec, dict[str, BpmnProcessSpec]]:
    """The parsed process and its embedded subprocesses, shared by all instances: what lint admits never changes it."""
    parser = PortalParser(validator=VALIDATOR)
    file, text = definition.bpmn
    try:
        for table, content in definition.dmn.items():
            parser.add_dmn_xml(read_xml(table, content), table)
        parser.add_bpmn_xml(read_xml(file, text).getroottree(), file)
        return parser.get_spec(definition.name), parser.get_subprocess_specs(definition.name)
    except SpiffWorkflowException as error:
        raise BadDefinition(file, getattr(error, "id", ""), str(error)) from error


@lru_cache(maxsize=256)
def _diagram(definition: Definition) -> Diagram:
    return read_diagram(read_xml(*definition.bpmn))


@lru_cache(maxsize=256)
def _order(definition: Definition) -> tuple[str, ...]:
    return paths.reading_order(definition.diagram)


@lru_cache(maxsize=256)
def _needed_at_start(definition: Definition) -> frozenset[str]:
    tables = decisions.by_id(definition.dmn)
    reads = {id_: table.reads for id_, table in tables.items()}
    gives = {id_: table.gives for id_, table in tables.items()}
    return frozenset(variables.needed_at_start(definition.diagram, reads, gives))
