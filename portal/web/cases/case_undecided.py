"""A sanction that is only proposed is the buyer's own: what the supplier reads of a case until it is decided."""

from collections.abc import Mapping

from portal.model import Deviation, DeviationState, HumanTask, Membership, Process, Sanction
from portal.model.sanctions import IN_FORCE
from portal.operations import processes
from portal.workflow import Definition

_ASSESSMENT = "assess_reply"
_BRANCH = frozenset({"propose_sanction", "sanction_settled", "settlement", "reopen_assessment"})
"""The steps of a case that only a proposal leads through."""


def shown_sanction(deviation: Deviation, by: Membership) -> Sanction | None:
    """The sanction as far as this party may see it: the buyer always, the supplier from when it is decided."""
    sanction = deviation.sanction
    is_seen = sanction is not None and (by.organisation_id == deviation.buyer_id or sanction.state in IN_FORCE)
    return sanction if is_seen else None


def shown_state(deviation: Deviation, by: Membership) -> DeviationState:
    """The state as this party may know it: to the supplier an undecided sanction is a reply still being assessed."""
    is_open = deviation.state == DeviationState.SANCTION_PROPOSED and shown_sanction(deviation, by) is None
    return DeviationState.ASSESSING_REPLY if is_open else deviation.state


def shown_task(deviation: Deviation, task: HumanTask | None, by: Membership) -> HumanTask | None:
    """The step that is waited for: to the supplier the assessment, whatever the buyer is at."""
    if shown_state(deviation, by) == deviation.state:
        return task
    return processes.last_closed(deviation, _ASSESSMENT)


def shown_standing(process: Process, deviation: Deviation, by: Membership) -> Mapping[str, str]:
    """Where the case stands in its diagram, as `Instance.states` says it, without the way over a proposal."""
    states, definition = process.states, processes.definition_of(process)
    if by.organisation_id == deviation.buyer_id or shown_sanction(deviation, by) is not None:
        return states
    if shown_state(deviation, by) != DeviationState.ASSESSING_REPLY:
        return _without(states, definition, _BRANCH)
    behind = _without(states, definition, _BRANCH | {each.target for each in definition.diagram.out(_ASSESSMENT)})
    return {**behind, _ASSESSMENT: "active"}


def _without(states: Mapping[str, str], definition: Definition, steps: frozenset[str]) -> dict[str, str]:
    """The states without some steps and the flows to and from them."""
    flows = {each.id for each in definition.diagram.flows if steps & {each.source, each.target}}
    return {element: state for element, state in states.items() if element not in steps | flows}
