"""The PostgreSQL that the tests start themselves: shared by the workers of a run, copied quickly, gone afterwards."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from tests import postgres

pytestmark = pytest.mark.postgres

USER_OF_A_SERVER = """
import sys, time
from pathlib import Path
from tests import postgres
if len(sys.argv) > 1:
    postgres.DEBIAN_SERVERS = Path("/nowhere")
    postgres.shutil.which = lambda name: None
print(postgres.create_database(), flush=True)
time.sleep(60)
"""


def test_a_copy_has_what_its_template_has_and_is_its_own() -> None:
    template = postgres.create_database()
    with psycopg.connect(template, autocommit=True) as still_connected:
        still_connected.execute("CREATE TABLE machine (name text)")
        still_connected.execute("INSERT INTO machine VALUES ('Gravemaskin æøå')")
        copy = postgres.create_database(_name(template))
    with psycopg.connect(copy) as connection:
        assert connection.execute("SELECT name FROM machine").fetchall() == [("Gravemaskin æøå",)]
        connection.execute("DELETE FROM machine")
    with psycopg.connect(template) as connection:
        assert connection.execute("SELECT count(*) FROM machine").fetchone() == (1,)


def test_a_dropped_database_is_gone() -> None:
    url = postgres.create_database()
    postgres.drop_database(url)
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(url)


def test_the_server_listens_on_no_port() -> None:
    with psycopg.connect(postgres.create_database()) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)


@pytest.mark.parametrize("wheel", [False, True], ids=["found", "wheel"])
def test_processes_of_a_run_share_a_server_that_goes_when_the_last_is_killed(wheel: bool) -> None:
    run = f"test{os.getpid()}{int(wheel)}"
    users = [_use_a_server(run, wheel) for _ in range(2)]
    assert all(user.stdout for user in users)
    urls = [user.stdout.readline().strip() for user in users if user.stdout]
    folders = {str(conninfo_to_dict(url)["host"]) for url in urls}
    assert len(folders) == 1
    folder = Path(folders.pop())

    _kill(users[0])
    psycopg.connect(urls[1]).close()
    _kill(users[1])

    assert _comes_true(lambda: not folder.exists())


def _use_a_server(run: str, wheel: bool) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", USER_OF_A_SERVER, *(["wheel"] if wheel else [])],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTEST_XDIST_TESTRUNUID": run},
    )


def _kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()
    if process.stdout:
        process.stdout.close()


def _comes_true(condition: object, seconds: float = 20) -> bool:
    assert callable(condition)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


def _name(url: str) -> str:
    return str(conninfo_to_dict(url)["dbname"])
