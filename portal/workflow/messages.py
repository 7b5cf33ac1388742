"""The words of the diagrams for the catalogues: `pybabel extract` calls this for each .bpmn file."""

from collections.abc import Collection, Iterator, Mapping
from typing import BinaryIO

from portal.workflow.diagram import read_diagram, read_xml


def extract(
    file: BinaryIO,
    keywords: Collection[str],  # noqa: ARG001 - the form that Babel calls
    comment_tags: Collection[str],  # noqa: ARG001
    options: Mapping[str, object],  # noqa: ARG001
) -> Iterator[tuple[int, str, str, list[str]]]:
    """Every text that is drawn, as (line, function, text, comments)."""
    diagram = read_diagram(read_xml(getattr(file, "name", "diagram"), file.read().decode("utf-8")))
    yield from ((1, "gettext", word, []) for word in sorted(diagram.words()))
