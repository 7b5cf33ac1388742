"""The file that names the providers: ready profiles, and what is wrong said before anybody comes."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from portal import providers
from portal.config import BadSetting
from portal.openid import Client
from portal.outgoing import Outgoing
from portal.providers import Provider as Described
from tests.conftest import settings_for
from tests.provider import Provider, provider, rsa
from tests.terminal import Terminal

TENANT = "8d1e2c3b-0000-4000-8000-0123456789ab"
SECRET = 'client_id = "portal"\nclient_secret_file = "secret"'
ENTRA = f'[entra]\nprofile = "entra"\ntenant = "{TENANT}"\n{SECRET}'
BY_HAND = """[x]
issuer = "https://x.example"
authorize_url = "https://x.example/a"
token_url = "https://x.example/t"
keys_url = "https://x.example/k"
"""


@pytest.fixture
def there() -> Iterator[Provider]:
    """Somebody else's provider."""
    with provider() as running:
        yield running


def read(folder: Path, text: str) -> dict[str, Described]:
    (folder / "secret").write_text("word\n")
    (folder / "key.pem").write_bytes(rsa("ours").as_pem(private=True))
    (folder / "providers.toml").write_text(text)
    return providers.read(settings_for("sqlite://", folder, providers=str(folder / "providers.toml")))


def asked(one: Described) -> str:
    return Client(one, Outgoing()).authorize_url(
        state="s", nonce="n", verifier="v" * 64, back="https://p.example/b", language="nb"
    )


def test_no_file_no_providers(tmp_path: Path) -> None:
    assert providers.read(settings_for("sqlite://", tmp_path)) == {}


def test_the_profile_of_idporten(tmp_path: Path) -> None:
    text = '[idporten]\nprofile = "idporten"\nclient_id = "portal"\nprivate_key_file = "key.pem"\nkey_id = "ours"'
    one = read(tmp_path, text)["idporten"]
    assert (one.issuer, one.token_url) == ("https://idporten.no", "https://idporten.no/token")
    assert asked(one).startswith("https://login.idporten.no/authorize?response_type=code&client_id=portal&")
    assert "acr_values=idporten-loa-substantial+idporten-loa-high" in asked(one)
    assert one.strong == {"idporten-loa-substantial", "idporten-loa-high"}
    test = read(tmp_path, text + '\nenvironment = "test"\nacr_values = ["idporten-loa-high"]')["idporten"]
    assert (test.issuer, test.acr_values) == ("https://test.idporten.no", ("idporten-loa-high",))


@pytest.mark.parametrize(
    ("resource", "kind"),
    [
        ("urn:altinn:resource:klimakontrakt", "ansattporten:altinn:resource"),
        ("urn:altinn:resource:2480:40", "ansattporten:altinn:service"),
    ],
)
def test_the_profile_of_ansattporten_asks_for_whom_one_comes(tmp_path: Path, resource: str, kind: str) -> None:
    one = read(tmp_path, f'[a]\nprofile = "ansattporten"\nresource = "{resource}"\n{SECRET}')["a"]
    assert one.end_session_url == "https://login.ansattporten.no/logout"
    assert json.loads(one.authorization_details) == [{"type": kind, "resource": resource}]
    assert "authorization_details=%5B%7B%22type%22" in asked(one)


def test_the_profile_of_entra_is_for_one_tenant(tmp_path: Path) -> None:
    staff = '\norganisation = "313000028"\n[entra.groups]\n"g-1" = ["reviewer", "contract_manager"]'
    one = read(tmp_path, ENTRA + staff)["entra"]
    assert one.issuer == f"https://login.microsoftonline.com/{TENANT}/v2.0"
    assert one.keys_url == f"https://login.microsoftonline.com/{TENANT}/discovery/v2.0/keys"
    assert one.groups == {"g-1": ("reviewer", "contract_manager")}


def test_secrets_stand_in_no_message(tmp_path: Path) -> None:
    one = read(tmp_path, ENTRA)["entra"]
    assert one.client_secret == "word"
    assert "word" not in repr(one)


PROGRAMS = '[m]\nprofile = "maskinporten"'


def test_programs_come_with_tokens_of_maskinporten(tmp_path: Path) -> None:
    known = read(tmp_path, f'{PROGRAMS}\nscope = "x:y"\n{ENTRA}')
    assert list(known) == ["entra"]
    where = settings_for(
        "sqlite://", tmp_path, providers=str(tmp_path / "providers.toml"), base_url="https://k.example"
    )
    found = providers.read_issuer(where)
    assert found == providers.Issuer(
        "https://maskinporten.no/", "https://maskinporten.no/jwk", "x:y", "https://k.example/api"
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (PROGRAMS, "[m] scope is missing"),
        (f'{PROGRAMS}\nscope = "x"\nclient_id = "y"', "client_id is not known"),
        (f'{PROGRAMS}\nscope = "x"\nkeys_url = "http://x.example"', "keys_url must be a plain address"),
        (f'{PROGRAMS}\nscope = "x"\n[n]\nprofile = "maskinporten"', "[n] programs come with the tokens of one issuer"),
    ],
)
def test_what_is_wrong_about_programs_is_named(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "providers.toml").write_text(text)
    with pytest.raises(BadSetting) as stopped:
        providers.read_issuer(settings_for("sqlite://", tmp_path, providers=str(tmp_path / "providers.toml")))
    assert told in str(stopped.value)


WRONG = {
    "x = 1": "[x] is no table",
    "[X]": "[X] is no name for an address",
    "[x": "is not TOML",
    '[x]\nprofile = "y"': "there are ansattporten, entra, idporten, maskinporten",
    "[x]": "[x] issuer is missing",
    BY_HAND: "[x] client_id is missing",
    f"{BY_HAND}client_id = 7": "client_id must be text in quotes",
    f'{BY_HAND}client_id = "x"': "either client_secret_file or private_key_file",
    f'{BY_HAND}{SECRET}\nprivate_key_file = "key.pem"': "either client_secret_file or private_key_file",
    f'{BY_HAND}client_id = "x"\nprivate_key_file = "secret"': "holds no private key",
    f'{BY_HAND}client_id = "x"\nclient_secret_file = "none"': "cannot be read: No such file",
    f'{BY_HAND}client_secret = "word"': "client_secret is not known",
    f'{BY_HAND}{SECRET}\nscope = "email"': 'scope must hold "openid"',
    f"{BY_HAND}{SECRET}\ndomains = []": 'domains must be a list such as ["…"]',
    f'{BY_HAND}{SECRET}\norganisation = "1"': "groups and organisation go together",
    f'{BY_HAND}{SECRET}\ngroups = "g"': "groups must be a table",
    f'{BY_HAND}{SECRET}\nend_session_url = "http://x.example"': "end_session_url must be a plain address",
    f'{BY_HAND}{SECRET}\nend_session_url = "javascript:x"': "end_session_url must be a plain address",
    f'[e]\nprofile = "entra"\ntenant = "common"\n{SECRET}': "“common” would let anybody in",
    f'[i]\nprofile = "idporten"\nenvironment = "x"\n{SECRET}': "production",
    f'[a]\nprofile = "ansattporten"\n{SECRET}': "resource must be text",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadSetting) as stopped:
        read(tmp_path, text)
    assert WRONG[text] in str(stopped.value)
    assert "KLIMAKONTRAKT_PROVIDERS" in str(stopped.value)


# -- before anybody comes ----------------------------------------------------------------------------------------------


@pytest.fixture
def terminal(tmp_path: Path, sqlite_template: Path) -> Terminal:
    """An operator of an installation that knows the file."""
    shutil.copy(sqlite_template, tmp_path / "klimakontrakt.db")
    file = str(tmp_path / "providers.toml")
    near = {"KLIMAKONTRAKT_OUTGOING_ALLOWED": "127.0.0.1"}
    return Terminal(tmp_path, KLIMAKONTRAKT_PROVIDERS=file, **near)


def test_the_portal_does_not_start_with_a_wrong_file(terminal: Terminal, tmp_path: Path) -> None:
    assert "providers.toml cannot be read: No such file" in terminal.refused("serve")
    (tmp_path / "providers.toml").write_text("[x]")
    assert "[x] issuer is missing" in terminal.refused("serve")


def test_the_check_asks_the_provider(terminal: Terminal, tmp_path: Path, there: Provider) -> None:
    file = Path(there.settings(tmp_path))
    assert f"fine     Provider lillevik: {there.issuer} answers" in terminal.run("check").output
    file.write_text(file.read_text().replace("/token", "/tokens"))
    told = terminal.run("check").output
    assert f"fault    Provider lillevik: {there.issuer} says otherwise" in told
    assert f"token_endpoint is {there.issuer}/token" in told
    there.is_down = True
    assert "warning  Provider lillevik: It could not be asked" in terminal.run("check").output


def test_the_check_knows_the_roles(terminal: Terminal, tmp_path: Path, there: Provider) -> None:
    there.settings(tmp_path, more='organisation = "313000028"\ngroups = { "g" = ["boss"] }')
    assert (
        "fault    Providers: KLIMAKONTRAKT_PROVIDERS: [lillevik] groups: boss is no role"
        in terminal.run("check").output
    )
    assert "boss is no role. There are administrator" in terminal.refused("serve")
