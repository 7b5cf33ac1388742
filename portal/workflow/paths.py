"""What can follow what in a diagram: reading order, what still lies ahead, loops without a rest."""

from collections.abc import Collection, Iterable, Sequence

from portal.workflow.diagram import Diagram

_RESTS = frozenset({"userTask", "intermediateCatchEvent", "eventBasedGateway", "boundaryEvent"})


def reading_order(diagram: Diagram) -> tuple[str, ...]:
    """Node ids, each after what leads to it, loops apart; what starts on the edge of a node comes right after it."""
    order = _from(diagram, diagram.start(), set())
    pending = [node for node in diagram.nodes.values() if node.host]
    while attached := [node for node in pending if node.host in order]:
        for event in attached:
            pending.remove(event)
            branch = _from(diagram, event.id, set(order))
            inside = [order.index(id_) for id_ in order if _within(diagram, id_, event.host)]
            order[max(inside) + 1 : max(inside) + 1] = branch
    return tuple(order)


def ahead(diagram: Diagram, order: Sequence[str], current: Collection[str]) -> set[str]:
    """What lies further on in `order` than the `current` nodes, loops back and events on their own edge left out."""
    place = {node: index for index, node in enumerate(order)}

    def onward(node: str, candidates: Iterable[str]) -> list[str]:
        return [other for other in candidates if place.get(other, -1) > place.get(node, -1)]

    found: set[str] = set()
    todo = [after for node in current for after in onward(node, diagram.following(node))]
    while todo:
        node = todo.pop()
        if node not in found:
            found.add(node)
            todo += onward(node, [*diagram.following(node), *(event.id for event in diagram.boundary(node))])
    return found


def unreachable(diagram: Diagram) -> list[str]:
    """Nodes that no path from the start reaches."""
    reached = set(reading_order(diagram))
    return [node for node in diagram.nodes if node not in reached]


def endless(diagram: Diagram) -> list[str]:
    """Nodes on a loop where nobody and nothing is waited for: the engine would never come to rest."""
    after = {id_: set(diagram.following(id_)) for id_, node in diagram.nodes.items() if node.kind not in _RESTS}
    while spent := [id_ for id_ in after if not (after[id_] & after.keys() and any(id_ in s for s in after.values()))]:
        for id_ in spent:
            del after[id_]
    return sorted(after)


def _from(diagram: Diagram, start: str, seen: set[str]) -> list[str]:
    """Reverse postorder of a depth-first walk along the flows, `seen` left out: a topological order, loops apart."""
    seen.add(start)
    finished: list[str] = []
    trail = [(start, iter(diagram.following(start)[::-1]))]
    while trail:
        node, rest = trail[-1]
        following = next((other for other in rest if other not in seen), None)
        if following is None:
            finished.append(node)
            trail.pop()
        else:
            seen.add(following)
            trail.append((following, iter(diagram.following(following)[::-1])))
    return finished[::-1]


def _within(diagram: Diagram, node: str, host: str) -> bool:
    while node and node != host:
        node = diagram.nodes[node].scope
    return node == host
