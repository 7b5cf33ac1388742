"""Where a case stands: the diagram's picture and the same in words, for the page beside it."""

from dataclasses import dataclass

from flask_babel import gettext
from markupsafe import Markup

from portal.model import Process
from portal.operations import processes
from portal.web.accounts import current_language
from portal.workflow import Step, draw, steps


@dataclass(frozen=True)
class Standing:
    """A process as a picture and as a list of its steps."""

    picture: Markup
    steps: list[Step]
    ended: bool


def standing(process: Process) -> Standing:
    """Draw the diagram this process started with, and list its steps, in the reader's language."""
    definition = processes.definition_of(process)
    # The picture is drawn from our own diagrams by our own renderer, which escapes every word it writes.
    picture = Markup(draw(definition, process.states, gettext, gettext("Where the case stands"), current_language()))  # noqa: S704
    return Standing(picture, list(steps(definition, process.states, gettext)), process.ended_at is not None)
