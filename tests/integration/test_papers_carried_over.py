"""A decision and a receipt from before papers were kept: what is carried over for them."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import Engine, create_engine, inspect, text

from portal.extensions import db
from portal.model import guards
from portal.schema import migrate_database
from tests import casework
from tests.conftest import settings_for
from tests.integration.test_migrations import go_back
from tests.sanctioning import decided, heard, opened, proposed

BEFORE_PAPERS, WITH_PAPERS = "0028", "0029"


def test_papers_from_before_they_were_kept_say_what_stands_then(
    make_app: Callable[..., Flask], database_url: str, tmp_path: Path
) -> None:
    """What is carried over for a decision and a receipt is what would be kept for them today, column by column.

    The fingerprints in the trail are over it. A sanction that is only proposed has no paper yet.
    """
    with opened(make_app, database_url) as room:
        decided(room.world, proposed(room.world, heard(room.world, casework.found(room.world))))
        db.session.remove()
        db.engine.dispose()
    settings = settings_for(database_url, tmp_path)
    engine = create_engine(database_url)
    kept = _papers(engine)
    assert [said["decided_by"] for said in kept["sanction"]] == ["Dora Prøve"]
    assert all(said["signed_by"] for said in kept["revision"])

    _forget_papers(engine)
    migrate_database(settings)
    assert _papers(engine) == kept

    _forget_papers(engine)
    with engine.begin() as connection:
        guards.remove(connection)
        connection.execute(text("UPDATE sanction SET state = 'proposed'"))
        connection.execute(text("UPDATE organisation SET name = 'Nytt Navn AS' WHERE kind = 'supplier'"))
    migrate_database(settings)
    carried = _papers(engine)
    assert carried["sanction"] == [{}]
    assert carried["revision"] == [{**said, "supplier": "Nytt Navn AS"} for said in kept["revision"]]
    with pytest.raises(RuntimeError, match="There is no way back"):
        go_back(engine, BEFORE_PAPERS)
    engine.dispose()


def _papers(engine: Engine) -> dict[str, list[dict[str, object]]]:
    """What is kept for each decision and each receipt."""
    with engine.connect() as connection:
        return {
            table: [
                json.loads(said) if isinstance(said, str) else said
                for said in connection.execute(text(f"SELECT on_paper FROM {table} ORDER BY id")).scalars()
            ]
            for table in ("sanction", "revision")
        }


def _forget_papers(engine: Engine) -> None:
    """Go back to where papers were not kept, which nobody can who keeps one."""
    go_back(engine, WITH_PAPERS)
    with engine.begin() as connection:
        guards.remove(connection)
        for table in ("sanction", "revision"):
            connection.execute(text(f"UPDATE {table} SET on_paper = '{{}}'"))
    go_back(engine, BEFORE_PAPERS)
    assert "on_paper" not in {each["name"] for each in inspect(engine).get_columns("revision")}
