"""Programs that come with a token of Maskinporten: for which organisation, and by which right."""

from dataclasses import dataclass

from portal import tokens
from portal.outgoing import Outgoing
from portal.providers import Issuer
from portal.tokens import BadToken, Keys


@dataclass(frozen=True)
class Consumer:
    """Whose program it is: the organisation's number, and the client as Maskinporten knows it."""

    number: str
    client_id: str


class Gate:
    """Where the tokens of one issuer are read."""

    def __init__(self, issuer: Issuer, outgoing: Outgoing) -> None:
        self._issuer, self._keys = issuer, Keys(issuer.keys_url, outgoing)

    def consumer(self, token: str) -> Consumer:
        """Whom a token speaks for. Raises BadToken unless all in it is as it must be; CallFailed without keys."""
        issuer = self._issuer
        said = tokens.claims_of(token, self._keys, issuer=issuer.issuer, aud=issuer.audience)
        scope, client_id = said.get("scope"), said.get("client_id")
        if not isinstance(scope, str) or issuer.scope not in scope.split():
            raise BadToken("It lacks the scope.")
        number = tokens.number_of(said.get("consumer"))
        if not number or not isinstance(client_id, str) or not client_id:
            raise BadToken("It names no consumer.")
        return Consumer(number, client_id)
