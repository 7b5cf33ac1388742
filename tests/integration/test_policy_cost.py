"""What row-level security costs: the same pages with the policies and past them, in turn, in one run."""

import statistics
import sys
import time

import psycopg
import pytest
from sqlalchemy import Connection, event
from sqlalchemy.orm import Session, SessionTransaction

from portal import tenancy
from portal.extensions import db
from tests import crawling
from tests.tenants import Tenants

PAGES = ("/reports", "/cases", "/contracts", "/reports/{report}", "/cases/{deviation}", "/contracts/{contract}")
PAST_THEM = "past_the_policies"
ROLES = {"with": tenancy.APP_ROLE, "past": PAST_THEM}
TIMES = 15


@pytest.mark.soak
@pytest.mark.postgres
def test_the_policies_do_not_make_a_page_twice_as_slow(
    postgres_tenants: Tenants, capsys: pytest.CaptureFixture[str]
) -> None:
    tenants, chosen = postgres_tenants, "with"
    with tenants.app.app_context():
        address = db.engine.url.set(username="postgres").render_as_string(hide_password=False)
    with psycopg.connect(address.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {PAST_THEM} BYPASSRLS IN ROLE {tenancy.APP_ROLE}".encode())
        connection.execute(f"GRANT {PAST_THEM} TO {tenancy.WORKER_ROLE}".encode())

    def be(_session: Session, _transaction: SessionTransaction, connection: Connection) -> None:
        connection.exec_driver_sql(f"SET LOCAL ROLE {ROLES[chosen]}")

    event.listen(db.session, "after_begin", be)
    try:
        for path in PAGES:
            at, taken, said = path.format(**tenants.first.things), dict[str, list[float]](), dict[str, str]()
            for _each in range(TIMES):
                for chosen in ROLES:
                    begun = time.perf_counter()
                    answer = tenants.ask("buyer", "GET", at)
                    taken.setdefault(chosen, []).append(time.perf_counter() - begun)
                    said[chosen] = crawling.bare(answer)
            medians = {kind: statistics.median(each) for kind, each in taken.items()}
            ratio = medians["with"] / medians["past"]
            with capsys.disabled():
                sys.stdout.write(f"{path}: {ratio:.2f} ({medians['with'] * 1000:.1f} ms)\n")
            assert said["with"] == said["past"], "the code says the same without them"
            assert ratio < 2, path
    finally:
        event.remove(db.session, "after_begin", be)
