"""Who else may say who somebody is: the OpenID Connect providers of this installation, as one TOML file names them.

Issuer and addresses are fixed here, never asked for at run time: whoever answers in a provider's place cannot lead us
elsewhere. `docs/sign-in.md` says how the portal is registered at each.
"""

import json
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from portal.config import BadSetting, Settings
from portal.text import Text, same

SETTING = "KLIMAKONTRAKT_PROVIDERS"
KEY = re.compile(r"[a-z][a-z0-9-]{0,29}")
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

MASKINPORTEN = "maskinporten"

Fields = dict[str, Any]


@dataclass(frozen=True)
class Provider:
    """One provider: who it is, where it is asked, and what its word counts for here."""

    key: str
    """Its name in our own addresses."""
    name: Text
    """Its name on the button."""
    issuer: str
    authorize_url: str
    token_url: str
    keys_url: str
    client_id: str
    end_session_url: str = ""
    """Where a browser signs out there; empty: it has no such page."""
    client_secret: str = field(default="", repr=False)
    private_key: str = field(default="", repr=False)
    """PEM of an RSA key that signs for us, in place of a secret."""
    key_id: str = ""
    scope: str = "openid"
    acr_values: tuple[str, ...] = ()
    """Levels of assurance: asked for, and one of them must come back. Empty: the provider decides alone."""
    strong: frozenset[str] = frozenset()
    """Values of `acr` or `amr` that mean more than a password alone."""
    authorization_details: str = ""
    """JSON, by which the person chooses there for which organisation they come."""
    domains: frozenset[str] = frozenset()
    """Domains whose e-mail addresses this provider is trusted to know."""
    organisation: str = ""
    """Number of the organisation whose roles follow from the provider's groups."""
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Id of a group there -> codes of the roles here."""


@dataclass(frozen=True)
class Issuer:
    """Who signs the tokens that programs bring, and what must stand in them."""

    issuer: str
    keys_url: str
    scope: str
    audience: str


def read(settings: Settings) -> dict[str, Provider]:
    """The providers by key, in the order of the file. Raises BadSetting, which names what is wrong."""
    file, tables = Path(settings.providers), _tables(settings)
    found = {key: _provider(key, table, file) for key, table in tables.items() if not _is_for_programs(table)}
    issuers = Counter(each.issuer for each in found.values())
    for each in found.values():
        if each.groups and issuers[each.issuer] > 1:
            raise BadSetting(
                f"{SETTING}: {file.name}: [{each.key}] gives roles, so no other table may have its issuer."
            )
    return found


def read_issuer(settings: Settings) -> Issuer | None:
    """Whose tokens programs come with; None when no program may come. Raises BadSetting."""
    found = [(key, table) for key, table in _tables(settings).items() if _is_for_programs(table)]
    if len(found) > 1:
        raise BadSetting(f"{SETTING}: [{found[1][0]}] programs come with the tokens of one issuer, [{found[0][0]}].")
    return _issuer(*found[0], settings) if found else None


def _is_for_programs(table: object) -> bool:
    return isinstance(table, dict) and table.get("profile") == MASKINPORTEN


def _issuer(key: str, table: Fields, settings: Settings) -> Issuer:
    try:
        return Issuer(**_issuer_fields(table, settings.base_url))
    except _Wrong as wrong:
        raise BadSetting(f"{SETTING}: {Path(settings.providers).name}: [{key}] {wrong}") from wrong


def _issuer_fields(table: Fields, base_url: str) -> dict[str, str]:
    given = {name: _word(name, value) for name, value in table.items() if name != "profile"}
    host = _environment(given, MASKINPORTEN)
    fields = {"issuer": f"https://{host}/", "keys_url": f"https://{host}/jwk", "audience": f"{base_url}/api"}
    if strange := sorted(given.keys() - fields.keys() - {"scope"}):
        raise _Wrong(f"{strange[0]} is not known. Look for a misspelling.")
    if "scope" not in given:
        raise _Wrong("scope is missing.")
    fields |= given
    for name in ("issuer", "keys_url"):
        _demand_safe(name, fields[name])
    return fields


def _tables(settings: Settings) -> Fields:
    """What the file holds, by heading."""
    if not settings.providers:
        return {}
    file = Path(settings.providers)
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as refused:
        raise BadSetting(f"{SETTING}: {file} cannot be read: {refused.strerror}.") from refused
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as wrong:
        raise BadSetting(f"{SETTING}: {file} is not TOML: {wrong}.") from wrong


class _Wrong(Exception):
    """What is wrong with a table, in words."""


def _provider(key: str, table: object, file: Path) -> Provider:
    """One table of the file. What is misspelt, missing or of the wrong kind stops the start."""
    try:
        provider = Provider(key=key, **_fields(key, table, file.parent))
        _demand_sound(provider)
    except _Wrong as wrong:
        raise BadSetting(f"{SETTING}: {file.name}: [{key}] {wrong}") from wrong
    return provider


def _fields(key: str, table: object, folder: Path) -> Fields:
    if not isinstance(table, dict):
        raise _Wrong("is no table: write each provider under a heading of its own.")
    if not KEY.fullmatch(key):
        raise _Wrong("is no name for an address: use small letters, figures and hyphens.")
    given = dict(table)
    profile = given.pop("profile", "")
    if profile not in PROFILES:
        known = ", ".join(sorted(filter(None, [*PROFILES, MASKINPORTEN])))
        raise _Wrong(f"profile = {profile!r}: there are {known}, or none.")
    fields = {"name": same(key), **PROFILES[profile](given)}
    for name, value in given.items():
        if name not in _TAKEN:
            raise _Wrong(f"{name} is not known. Look for a misspelling.")
        fields[name.removesuffix("_file")] = _TAKEN[name](name, value, folder)
    if missing := [name for name in REQUIRED if name not in fields]:
        raise _Wrong(f"{missing[0]} is missing.")
    return fields


def _word(name: str, value: object, _folder: Path | None = None) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _Wrong(f"{name} must be text in quotes.")
    return value.strip()


def _words(name: str, value: object, _folder: Path | None = None) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise _Wrong(f'{name} must be a list such as ["…"].')
    return tuple(_word(name, each) for each in value)


def _domains(name: str, value: object, _folder: Path) -> frozenset[str]:
    return frozenset(each.lower().removeprefix("@") for each in _words(name, value))


def _strong(name: str, value: object, _folder: Path) -> frozenset[str]:
    return frozenset(_words(name, value))


def _name(name: str, value: object, _folder: Path) -> Text:
    if isinstance(value, dict) and set(value) == {"nb", "en"}:
        return Text(_word("name.nb", value["nb"]), _word("name.en", value["en"]))
    return same(_word(name, value))


def _groups(_name: str, value: object, _folder: Path) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, dict):
        raise _Wrong('groups must be a table: "id of the group" = ["reviewer"].')
    return {group: _words(f'groups."{group}"', roles) for group, roles in value.items()}


def _content(name: str, value: object, folder: Path) -> str:
    file = folder / _word(name, value)
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as refused:
        why = getattr(refused, "strerror", "it is no text")
        raise _Wrong(f"{name}: {file} cannot be read: {why}.") from refused


ADDRESSES = ("issuer", "authorize_url", "token_url", "keys_url", "end_session_url")
REQUIRED = (*ADDRESSES[:4], "client_id")
_TAKEN: Mapping[str, Callable[[str, object, Path], object]] = {
    **dict.fromkeys((*ADDRESSES, "client_id", "key_id", "scope", "organisation"), _word),
    "acr_values": _words,
    "client_secret_file": _content,
    "domains": _domains,
    "groups": _groups,
    "name": _name,
    "private_key_file": _content,
    "strong": _strong,
}
"""What may stand in a table -> what reads it. Secrets stand in files of their own."""


def _demand_sound(provider: Provider) -> None:
    """Refuse what does not go together."""
    for name in ADDRESSES:
        if getattr(provider, name):
            _demand_safe(name, getattr(provider, name))
    if bool(provider.client_secret) == bool(provider.private_key):
        raise _Wrong("needs either client_secret_file or private_key_file.")
    if provider.private_key and "PRIVATE KEY" not in provider.private_key:
        raise _Wrong("private_key_file holds no private key in PEM.")
    if "openid" not in provider.scope.split():
        raise _Wrong('scope must hold "openid".')
    if bool(provider.groups) != bool(provider.organisation):
        raise _Wrong("groups and organisation go together: whose roles do the groups give?")


def _demand_safe(name: str, url: str) -> None:
    address = urlsplit(url)
    is_safe = address.scheme == "https" or (address.scheme == "http" and address.hostname in LOOPBACK)
    if not is_safe or address.fragment or address.username:
        raise _Wrong(f"{name} must be a plain address that begins with https://.")


# -- profiles: what is known of a provider beforehand -----------------------------------------------------------------


def _by_hand(_given: Fields) -> Fields:
    return {}


def _digdir(host: str, name: str) -> Fields:
    """Addresses of a provider of Digitaliseringsdirektoratet: pages for people under `login.`, the rest without."""
    return {
        "name": same(name),
        "issuer": f"https://{host}",
        "authorize_url": f"https://login.{host}/authorize",
        "token_url": f"https://{host}/token",
        "keys_url": f"https://{host}/jwks.json",
        "end_session_url": f"https://login.{host}/logout",
    }


def _environment(given: Fields, name: str) -> str:
    """The host of a provider of theirs, in production or in test."""
    environment = given.pop("environment", "production")
    hosts = {"production": f"{name}.no", "test": f"test.{name}.no"}
    if environment not in hosts:
        raise _Wrong('environment is "production" or "test".')
    return hosts[environment]


def _idporten(given: Fields) -> Fields:
    levels = ("idporten-loa-substantial", "idporten-loa-high")
    fixed = _digdir(_environment(given, "idporten"), "ID-porten")
    return {**fixed, "acr_values": levels, "strong": frozenset(levels)}


def _ansattporten(given: Fields) -> Fields:
    """The person chooses there for whom they come, among those for whom they hold the right to `resource` in Altinn."""
    levels = ("substantial", "high")
    wanted: Fields = {"type": "ansattporten:altinn:resource", "resource": _word("resource", given.pop("resource", ""))}
    if ":altinn:resource:" not in wanted["resource"]:
        raise _Wrong('resource is written "urn:altinn:resource:…".')
    if re.search(r":\d+:\d+$", wanted["resource"]):  # a service of Altinn 2 has two numbers
        wanted["type"] = "ansattporten:altinn:service"
    return {
        **_digdir(_environment(given, "ansattporten"), "Ansattporten"),
        "acr_values": levels,
        "strong": frozenset(levels),
        "authorization_details": json.dumps([wanted], separators=(",", ":")),
    }


def _entra(given: Fields) -> Fields:
    """One tenant: a token of another has another issuer. Groups come as their object ids."""
    tenant = _word("tenant", given.pop("tenant", ""))
    if not re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", tenant):
        raise _Wrong("tenant must be the id of your own tenant, such as 8d1e…-…; “common” would let anybody in.")
    base = f"https://login.microsoftonline.com/{tenant}"
    return {
        "name": same("Microsoft"),
        "issuer": f"{base}/v2.0",
        "authorize_url": f"{base}/oauth2/v2.0/authorize",
        "token_url": f"{base}/oauth2/v2.0/token",
        "keys_url": f"{base}/discovery/v2.0/keys",
        "end_session_url": f"{base}/oauth2/v2.0/logout",
        "scope": "openid profile email",
        "strong": frozenset({"mfa"}),
    }


PROFILES: Mapping[str, Callable[[Fields], Fields]] = {
    "": _by_hand,
    "ansattporten": _ansattporten,
    "entra": _entra,
    "idporten": _idporten,
}
