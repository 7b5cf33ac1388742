"""Where a case stands: the diagram's picture and the same in words, for the page beside it."""

from collections.abc import Mapping
from dataclasses import dataclass

from flask_babel import gettext
from markupsafe import Markup

from portal.model import Process
from portal.operations import processes
from portal.web.languages import current_language
from portal.workflow import Step, draw, steps


@dataclass(frozen=True)
class Standing:
    """A process as a picture and as a list of its steps."""

    picture: Markup
    steps: list[Step]
    ended: bool


def standing(process: Process, states: Mapping[str, str] | None = None) -> Standing:
    """Draw the diagram this process started with, and list its steps, in the reader's language.

    `states` stands in for the process's own where the reader may not know how far it has come.
    """
    definition = processes.definition_of(process)
    states = process.states if states is None else states
    # The picture is drawn from our own diagrams by our own renderer, which escapes every word it writes.
    picture = Markup(draw(definition, states, gettext, gettext("Where the case stands"), current_language()))  # noqa: S704 # nosec B704
    return Standing(picture, list(steps(definition, states, gettext)), process.ended_at is not None)
