"""OpenID Connect as the portal speaks it: the code flow with PKCE, and signing out at both ends."""

import base64
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from authlib.oauth2.rfc7523 import private_key_jwt_sign
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc.jwk import RSAKey

from portal import clock, tokens
from portal.outgoing import Outgoing
from portal.providers import Provider
from portal.tokens import BadToken, Claims, Keys

SIGNED_OUT = "http://schemas.openid.net/event/backchannel-logout"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_LASTS = 60
"""Seconds."""
LONGEST_SUBJECT = 255


class Refused(Exception):
    """The provider did not give a token for the code. The message is for the log."""


class Client:
    """The portal as one provider knows it."""

    def __init__(self, provider: Provider, outgoing: Outgoing) -> None:
        self.provider, self._outgoing = provider, outgoing
        self._keys = Keys(provider.keys_url, outgoing)

    def authorize_url(  # noqa: PLR0913 - each is a word of the protocol
        self, *, state: str, nonce: str, verifier: str, back: str, language: str, anew: bool = False
    ) -> str:
        """Where the browser is sent to sign in.

        Args:
            state: what must come back to the browser that was sent.
            nonce: what must stand in the token.
            verifier: what only we can show when the code is turned into a token.
            back: our address to which the browser returns.
            language: in which it is asked, nb or en.
            anew: whether the person must show who they are, however long they are signed in there.
        """
        asked = {
            "response_type": "code",
            "client_id": self.provider.client_id,
            "redirect_uri": back,
            "scope": self.provider.scope,
            "state": state,
            "nonce": nonce,
            "code_challenge": create_s256_code_challenge(verifier),
            "code_challenge_method": "S256",
            "ui_locales": language,
        }
        if anew:
            asked |= {"prompt": "login", "max_age": "0"}
        if self.provider.acr_values:
            asked["acr_values"] = " ".join(self.provider.acr_values)
        if self.provider.authorization_details:
            asked["authorization_details"] = self.provider.authorization_details
        return _with(self.provider.authorize_url, asked)

    def id_token(self, code: str, *, verifier: str, back: str) -> str:
        """The token for a code. Raises Refused when the provider gives none, CallFailed when it cannot be asked."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": back, "code_verifier": verifier}
        answer = self._outgoing.post_form(self.provider.token_url, form | self._assertion(), self._credentials())
        if answer.status != 200:  # noqa: PLR2004 - HTTP
            raise Refused(f"The token address answers {answer.status}.")
        content = answer.json()
        token = content.get("id_token") if isinstance(content, dict) else None
        if not isinstance(token, str):
            raise Refused("It holds no id_token.")
        return token

    def claims(self, id_token: str, nonce: str) -> Claims:
        """Who signed in, as the token says. Raises BadToken unless everything in it is as it must be."""
        provider = self.provider
        said = tokens.claims_of(id_token, self._keys, issuer=provider.issuer, aud=provider.client_id, nonce=nonce)
        tokens.demand_fresh(said)
        if said["nonce"] != nonce:
            raise BadToken("The nonce is another.")
        if provider.acr_values and said.get("acr") not in provider.acr_values:
            raise BadToken("The level of assurance is not one of those asked for.")
        self._demand_ours(said)
        _subject(said)
        return said

    def signed_out(self, logout_token: str) -> Claims:
        """Whose session the provider has ended (`sid`, `sub` or both). Raises BadToken."""
        provider = self.provider
        said = tokens.claims_of(logout_token, self._keys, issuer=provider.issuer, aud=provider.client_id)
        tokens.demand_fresh(said)
        self._demand_ours(said)
        events = said.get("events")
        if not isinstance(events, dict) or not isinstance(events.get(SIGNED_OUT), dict):
            raise BadToken("It tells of no signing out.")
        if "nonce" in said:
            raise BadToken("It is an id_token.")
        if not any(isinstance(said.get(name), str) and said[name] for name in ("sid", "sub")):
            raise BadToken("It names nobody.")
        return said

    def is_strong(self, claims: Claims) -> bool:
        """Whether the person showed more than a password, as far as this provider's word counts for that."""
        ways = claims.get("amr")
        shown = {claims.get("acr"), *(ways if isinstance(ways, list) else [ways])}
        return not self.provider.strong.isdisjoint(each for each in shown if isinstance(each, str))

    def shown_at(self, claims: Claims) -> datetime | None:
        """When the person showed the provider who they are, which may be long ago; None: it does not say."""
        moment, now = claims.get("auth_time"), clock.now()
        if not isinstance(moment, int | float) or not 0 < moment <= now.timestamp() + tokens.LEEWAY:
            return None
        return min(datetime.fromtimestamp(moment, UTC), now)

    def end_session_url(self, id_token: str, *, back: str) -> str:
        """Where the browser signs out there and comes back; empty when the provider has no such page.

        Without the token the provider asks the person.
        """
        if not self.provider.end_session_url:
            return ""
        asked = {"client_id": self.provider.client_id, "post_logout_redirect_uri": back}
        if id_token:
            asked = {"id_token_hint": id_token, **asked}
        return _with(self.provider.end_session_url, asked)

    def _demand_ours(self, said: Claims) -> None:
        """A token made for several, or on behalf of another, must name us as the one it was given to."""
        is_shared = isinstance(said["aud"], list) and len(said["aud"]) > 1
        if (is_shared or "azp" in said) and said.get("azp") != self.provider.client_id:
            raise BadToken("It was given to another.")

    def _assertion(self) -> dict[str, str]:
        """What stands in the form to show that it is us, when that is a signature."""
        if not self.provider.private_key:
            return {}
        now = int(clock.now().timestamp())
        header = {"kid": self.provider.key_id} if self.provider.key_id else {}
        signed = private_key_jwt_sign(
            RSAKey.import_key(self.provider.private_key),
            self.provider.client_id,
            self.provider.issuer,
            alg=tokens.ALGORITHM,
            header=header,
            issued_at=now,
            expires_at=now + ASSERTION_LASTS,
        )
        return {"client_id": self.provider.client_id, "client_assertion_type": ASSERTION, "client_assertion": signed}

    def _credentials(self) -> dict[str, str]:
        """The header that shows that it is us, when that is a secret."""
        if not self.provider.client_secret:
            return {}
        both = f"{quote(self.provider.client_id, safe='')}:{quote(self.provider.client_secret, safe='')}"
        return {"Authorization": f"Basic {base64.b64encode(both.encode()).decode()}"}


def differences(provider: Provider, outgoing: Outgoing) -> list[str]:
    """Where the provider's own description says otherwise than our settings, in words. Raises CallFailed."""
    said = outgoing.get(f"{provider.issuer.rstrip('/')}/.well-known/openid-configuration").json()
    if not isinstance(said, dict):
        return ["it describes itself by no object"]
    wanted = {
        "issuer": provider.issuer,
        "authorization_endpoint": provider.authorize_url,
        "token_endpoint": provider.token_url,
        "jwks_uri": provider.keys_url,
        "end_session_endpoint": provider.end_session_url,
    }
    found = [f"{name} is {said.get(name)}" for name, value in wanted.items() if value and said.get(name) != value]
    signing = said.get("id_token_signing_alg_values_supported", [tokens.ALGORITHM])
    return found if tokens.ALGORITHM in signing else [*found, f"it does not sign with {tokens.ALGORITHM}"]


def organisations(claims: Claims) -> list[str]:
    """Numbers of the organisations for whom the person comes, as `authorization_details` of the token says."""
    details = claims.get("authorization_details")
    found = []
    for detail in details if isinstance(details, list) else []:
        if isinstance(detail, dict):
            found += [_number(each) for name in ("authorized_parties", "reportees") for each in _rows(detail.get(name))]
    return [each for each in dict.fromkeys(found) if each]


def _number(party: Mapping[str, Any]) -> str:
    return tokens.number_of(party.get("orgno", party))


def _rows(value: object) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _subject(said: Claims) -> None:
    subject = said.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST_SUBJECT or not subject.isprintable():
        raise BadToken("It names nobody.")


def _with(url: str, asked: Mapping[str, str]) -> str:
    return f"{url}{'&' if '?' in url else '?'}{urlencode(asked)}"


def drawn(secret: str, what: str, state: str) -> str:
    """A word that only this installation can make of a state: it need not be kept anywhere until it is asked for."""
    return hmac.new(secret.encode(), f"{what} {state}".encode(), "sha256").hexdigest()
