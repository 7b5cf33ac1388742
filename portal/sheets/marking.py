"""The sender's own file back, with the errors in it; it can be mended and uploaded again as it is."""

from collections.abc import Mapping, Sequence

from portal.sheets import confinement
from portal.sheets.gate import LIMITS, Limits, admit
from portal.sheets.header import Frame
from portal.sheets.importing import SheetProblem
from portal.sheets.layout import ERRORS_HEADING
from portal.sheets.refusal import Refusal, refuse


def mark_errors(
    content: bytes,
    problems: Sequence[SheetProblem],
    frames: Mapping[str, Frame],
    language: str = "nb",
    limits: Limits = LIMITS,
) -> bytes:
    """The file with red cells, cell comments and a last column «Feil», which is not read on the way back in.

    `frames` are those of the `Imported` that the problems came from. Raises `Refusal`: unmarkable, when the file has
    something that cannot be written back; the list on the page is then what there is.
    """
    admit(content, limits)
    marks = {
        title: frame._asdict() | {"cells": _messages(title, problems, language)} for title, frame in frames.items()
    }
    heading = ERRORS_HEADING.to(language)
    try:
        _, marked = confinement.run(content, limits, task="mark", marks=marks, heading=heading)
    except Refusal as refusal:
        raise refuse("unmarkable") from refusal
    if not marked:
        raise refuse("unmarkable")
    return marked


def _messages(title: str, problems: Sequence[SheetProblem], language: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for problem in problems:
        if problem.sheet == title:
            found.setdefault(problem.cell, []).append(problem.text.to(language))
    return found
