"""A sanction that is only proposed is the buyer's own: what the supplier reads of a case until it is decided."""

from collections.abc import Mapping, Sequence

from portal.model import AuditEvent, Deviation, DeviationState, HumanTask, Membership, Person, Process, Sanction
from portal.model.sanctions import IN_FORCE
from portal.operations import processes
from portal.workflow import Definition

Entry = tuple[AuditEvent, Person | None]

_DECISION = frozenset({"sanction.decided", "sanction.delivered", "sanction.closed"})
_PROPOSED = "deviation.sanction_proposed"
_ASSESSING = "deviation.assessing_reply"
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


def shown_trail(trail: Sequence[Entry], deviation: Deviation, by: Membership) -> list[Entry]:
    """What this party may see of what happened: how a sanction came about is the buyer's own, the decision is not.

    A proposal that came to nothing has the reply assessed once more; to the supplier it was assessed all the time.
    """
    if by.organisation_id == deviation.buyer_id:
        return list(trail)
    told: list[Entry] = []
    for event, person in trail:
        is_own = event.action == _PROPOSED or (event.subject == "sanction" and event.action not in _DECISION)
        is_again = event.action == _ASSESSING and any(each.action == _ASSESSING for each, _person in told)
        if not is_own and not is_again:
            told.append((event, person))
    return told


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
