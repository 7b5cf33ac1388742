"""Whether a buyer has enough different persons for a contract: who reviews, prepares, decides, and hears objections.

It asks who sees the contract, holds the role and has no interest in it, which is what `impartiality.may_decide` will
ask of each of them when the time comes.
"""

from enum import StrEnum
from itertools import product
from typing import NamedTuple

from portal.model import Contract, Person, Role
from portal.operations import accounts
from portal.text import Text, same


class Post(StrEnum):
    """What somebody must be able to do."""

    REVIEW = "review"
    PREPARE = "prepare"
    DECIDE = "decide"


ROLES = {
    Post.REVIEW: (Role.REVIEWER,),
    Post.PREPARE: (Role.CONTRACT_MANAGER, Role.ADMINISTRATOR),
    Post.DECIDE: (Role.DECISION_MAKER,),
}
"""Post -> the roles that can fill it."""

NOBODY = {
    Post.REVIEW: Text(
        "Ingen kan kontrollere rapportene. Gi en person rollen kontrollør.",
        "Nobody can review the reports. Give somebody the role reviewer.",
    ),
    Post.PREPARE: Text(
        "Ingen kan følge opp avvik. Gi en person rollen kontraktsansvarlig.",
        "Nobody can follow up deviations. Give somebody the role contract manager.",
    ),
    Post.DECIDE: Text(
        "Ingen kan avgjøre sanksjoner. Gi en person rollen beslutter.",
        "Nobody can decide on sanctions. Give somebody the role decision-maker.",
    ),
}
ONE_TOO_FEW = Text(
    "Den som avgjør en sanksjon, må være en annen enn de som kontrollerer rapporten og forbereder saken. {names} kan "
    "ikke være begge deler. Gi en person til rollen beslutter.",
    "Whoever decides on a sanction must be another person than those who review the report and prepare the case. "
    "{names} cannot be both. Give one more person the role decision-maker.",
)
NO_THIRD = Text(
    "En innsigelse mot en sanksjon må behandles av en tredje person, og det har dere ikke. Gi en person til rollen "
    "beslutter. I en enkelt sak kan en administrator i stedet oppnevne noen utenfra, på sakens side.",
    "An objection to a sanction must be handled by a third person, and you have none. Give one more person the role "
    "decision-maker. In a single case an administrator can appoint somebody from outside instead, on the page of the "
    "case.",
)


class Staffing(NamedTuple):
    """Who can do what on a contract, and what is lacking, in words with what to do."""

    able: dict[Post, list[Person]]
    faults: list[Text]


def of(contract: Contract) -> Staffing:
    """The buyer's people for a contract as they are now."""
    able = {post: accounts.people(contract.buyer_id, *ROLES[post], about=contract.id) for post in Post}
    missing = [NOBODY[post] for post, people in able.items() if not people]
    return Staffing(able, missing or _too_few(able))


def _too_few(able: dict[Post, list[Person]]) -> list[Text]:
    """Whether the posts can be filled by different persons, tried with each way to fill them."""
    first = {(reviewer.id, preparer.id) for reviewer, preparer in product(able[Post.REVIEW], able[Post.PREPARE])}
    deciders = {each.id for each in able[Post.DECIDE]}
    left = max(len(deciders - set(each)) for each in first)
    if not left:
        names = ", ".join(each.name for each in able[Post.DECIDE])
        return [ONE_TOO_FEW.with_values(names=same(names))]
    return [NO_THIRD] if left == 1 else []
