"""Triggers that the database itself keeps watch with, in one list. Re-created at the end of every migration.

Alembic's batch mode rebuilds a SQLite table and drops its triggers without a word, so they never live in a revision;
and SQLite renames no table while a trigger speaks of one that is not there, so they are away while a revision runs.
"""

from typing import NamedTuple

from sqlalchemy import Connection, inspect, text

INSERT_ONLY = (
    "audit_anchor",
    "audit_event",
    "check_result",
    "figure",
    "finding",
    "measure",
    "point_answer",
    "review",
    "revision",
    "revision_line",
    "weighing",
    "withdrawal",
)
"""Tables whose rows are never changed or removed once written."""

NEVER_EMPTIED = ("audit_head", "read_log", "ruling", "sign_in_attempt")
"""Tables that change and of which no row is ever removed: on PostgreSQL, TRUNCATE asks no trigger of a row."""

_DECIDED = "('decided', 'delivered', 'closed')"
KEPT = (
    "amount",
    "calculation",
    "clause_id",
    "comment",
    "contract_id",
    "currency",
    "days",
    "decided_at",
    "decided_by_id",
    "deviation_id",
    "found",
    "found_hash",
    "on_paper",
    "proposed_by_id",
    "proposers",
    "reasons",
    "step",
    "waived",
    "waiver_reason",
)
"""What a sanction says and stands on, once it is decided."""

_NO_GROUND = f"""
NEW.state IN {_DECIDED} AND (
  NEW.decided_by_id IS NULL OR NEW.decided_at IS NULL OR NEW.amount IS NULL
  OR NEW.decided_by_id = NEW.proposed_by_id OR NEW.decided_by_id IN ({{proposers}})
  OR EXISTS (SELECT 1 FROM notice n WHERE n.deviation_id = NEW.deviation_id AND n.sent_by_id = NEW.decided_by_id)
  OR EXISTS (
    SELECT 1 FROM weighing w JOIN point p ON p.id = w.point_id
    WHERE p.deviation_id = NEW.deviation_id AND w.weighed_by_id = NEW.decided_by_id)
  OR TRIM(NEW.reasons) = '' OR (NEW.waived <> 0 AND TRIM(NEW.waiver_reason) = '')
  OR NOT EXISTS (
    SELECT 1 FROM sanction_clause c JOIN deviation d ON d.contract_id = c.contract_id
    WHERE c.id = NEW.clause_id AND d.id = NEW.deviation_id AND d.contract_id = NEW.contract_id
      AND NOT EXISTS (SELECT 1 FROM notice n WHERE n.deviation_id = d.id AND n.created_at < c.created_at)
      AND (c.requirement_id IS NULL OR c.requirement_id = (
        SELECT COALESCE(q.continues_id, q.id) FROM requirement q WHERE q.id = d.requirement_id)))
  OR NOT EXISTS (
    SELECT 1 FROM deviation d JOIN requirement r ON r.id = d.requirement_id JOIN report p ON p.id = d.report_id
    JOIN reporting_period s ON s.id = p.period_id LEFT JOIN assessment_window w ON w.id = d.window_id
    WHERE d.id = NEW.deviation_id AND r.valid_from <= COALESCE(w.ends_on, s.ends_on)
      AND (r.valid_to IS NULL OR r.valid_to >= COALESCE(w.starts_on, s.starts_on)))
  OR NOT EXISTS (SELECT 1 FROM deviation d WHERE d.id = NEW.deviation_id AND d.not_found_at IS NULL
    AND (NEW.step <> 'daily' OR d.cause <> 'requirement_broken' OR d.cured_on IS NOT NULL))
  OR (EXISTS (SELECT 1 FROM point p WHERE p.deviation_id = NEW.deviation_id) AND NOT EXISTS (
    SELECT 1 FROM point p JOIN weighing w ON w.point_id = p.id
    WHERE p.deviation_id = NEW.deviation_id AND w.verdict IN ('upheld', 'partly')
      AND NOT EXISTS (SELECT 1 FROM weighing newer WHERE newer.point_id = p.id AND newer.id > w.id)))
  OR NOT EXISTS (
    SELECT 1 FROM notice n WHERE n.deviation_id = NEW.deviation_id AND (
      (n.delivered_at IS NOT NULL OR n.opened_at IS NOT NULL)
      AND (n.takes_effect_at <= NEW.decided_at OR (
        n.takes_effect_at IS NULL AND n.starts = 'delivered' AND n.delivered_at <= NEW.decided_at))))
  OR NOT EXISTS (
    SELECT 1 FROM deviation d WHERE d.id = NEW.deviation_id AND (
      d.reply_due_at <= NEW.decided_at
      OR EXISTS (SELECT 1 FROM reply r WHERE r.deviation_id = d.id AND (r.is_complete OR NOT EXISTS (
        SELECT 1 FROM notice n WHERE n.deviation_id = d.id AND n.takes_effect_at IS NOT NULL)))))
)
"""  # noqa: S608 - nothing in it comes from outside # nosec B608
"""What no decided sanction may lack.

Reasons, and the decision of a person who neither proposed it nor gave notice nor weighed a point; a clause of the same
contract, for this requirement or for all, that had been entered when notice was given; a requirement that was in force
on a day of what was judged; a breach that the figures in force still show, whose last day is known where days are
charged; a point of the notice that is upheld at
least in part by its newest weighing; a notice that took effect (one from before the contract's rule was kept: was
delivered); and the supplier's time to answer: passed, or a reply declared complete (under notices from before replies
were declared complete: any reply).

It does not ask who noted the last day of the breach, nor whether a report within the noted days waits for review: the
portal does (`impartiality.prepared`, `calculations.lacks_end`)."""


class Rule(NamedTuple):
    """One trigger with a condition: nothing is written to the table in this way while the condition holds."""

    name: str
    table: str
    way: str
    refused: str
    """The condition; {proposers} is the list of a sanction's proposers, {year_ago} a moment, as each dialect has it."""
    words: str


RULES = (
    *(
        Rule(f"guard_sanction_ground_{way}", "sanction", way, moved, "a sanction is decided without its ground")
        for way, moved in (("insert", _NO_GROUND), ("update", f"OLD.state NOT IN {_DECIDED} AND {_NO_GROUND}"))
    ),
    Rule(
        "guard_sanction_kept_update",
        "sanction",
        "update",
        f"OLD.state IN {_DECIDED} AND (NEW.state NOT IN {_DECIDED} OR "
        + " OR ".join(f"CAST(NEW.{name} AS TEXT) IS DISTINCT FROM CAST(OLD.{name} AS TEXT)" for name in KEPT)
        + ")",
        "a decided sanction stays what it is",
    ),
    Rule("guard_sanction_kept_delete", "sanction", "delete", f"OLD.state IN {_DECIDED}", "a decided sanction stays"),
    Rule(
        "guard_audit_head_forward_update",
        "audit_head",
        "update",
        "NEW.chain <> OLD.chain OR NEW.sequence < OLD.sequence"
        " OR (NEW.sequence = OLD.sequence AND NEW.hash <> OLD.hash)",
        "the head of a chain only goes forward",
    ),
    Rule("guard_read_log_kept_update", "read_log", "update", "1 = 1", "what was read is not written anew"),
    Rule("guard_read_log_kept_delete", "read_log", "delete", "OLD.at > {year_ago}", "what was read is kept for a year"),
    Rule(
        "guard_sign_in_attempt_kept_update",
        "sign_in_attempt",
        "update",
        "NEW.email <> '' OR NEW.address <> '' OR NEW.at <> OLD.at OR NEW.succeeded <> OLD.succeeded",
        "sign_in_attempt is insert-only: of who is erased, what was tried stays",
    ),
    Rule(
        "guard_sign_in_attempt_kept_delete",
        "sign_in_attempt",
        "delete",
        "OLD.at > {year_ago}",
        "sign_in_attempt is insert-only in its first year",
    ),
    Rule(
        "guard_ruling_kept_update",
        "ruling",
        "update",
        "NEW.contract_id <> OLD.contract_id OR NEW.revision_id <> OLD.revision_id OR NEW.kind <> OLD.kind"
        " OR NEW.field <> OLD.field OR NEW.public_id <> OLD.public_id",
        "a word on a mark is about that mark alone",
    ),
    Rule("guard_ruling_kept_delete", "ruling", "delete", "1 = 1", "a word on a mark stays"),
    Rule("guard_audit_head_kept_delete", "audit_head", "delete", "1 = 1", "the head of a chain stays"),
)
"""What no sanction, no word on a mark and no head of the trail may become, whoever writes it."""

_AS_READ_BY = {
    "sqlite": {
        "proposers": "SELECT value FROM json_each(NEW.proposers)",
        "year_ago": "datetime('now', '-364 days')",
    },
    "postgresql": {
        "proposers": "SELECT CAST(json_array_elements_text(NEW.proposers) AS BIGINT)",
        "year_ago": "now() - interval '364 days'",
    },
}
_AS_SQLITE = "USING ERRCODE = 'integrity_constraint_violation'"
"""A refusal is of the class that SQLite's RAISE(ABORT) is of, so that a page tells it in the same words."""
_FUNCTION = f"""
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '% is insert-only', TG_TABLE_NAME {_AS_SQLITE}; END $$
"""


def expected(dialect: str) -> set[str]:
    """The names of all triggers that must be there."""
    ways = ("update", "delete") if dialect == "sqlite" else ("update", "delete", "truncate")
    whole = {f"guard_{table}_{way}" for table in INSERT_ONLY for way in ways} | {rule.name for rule in RULES}
    return whole if dialect == "sqlite" else whole | {f"guard_{table}_truncate" for table in NEVER_EMPTIED}


def found(connection: Connection) -> set[str]:
    """The names of the guards that are there."""
    return {name for name, _table in _there(connection)}


def remove(connection: Connection) -> None:
    """Take every guard away while tables are rebuilt; `install` puts them back in the same transaction."""
    on_table = connection.dialect.name != "sqlite"
    for name, table in _there(connection):
        connection.execute(text(f"DROP TRIGGER {name} ON {table}" if on_table else f"DROP TRIGGER {name}"))


def install(connection: Connection) -> None:
    """Put every guard in place anew, on the tables that this revision has. Safe to run again."""
    remove(connection)
    there = set(inspect(connection).get_table_names())
    tables = [table for table in INSERT_ONLY if table in there]
    rules = [rule for rule in RULES if rule.table in there]
    if connection.dialect.name == "sqlite":
        _install_on_sqlite(connection, tables, rules)
    else:
        _install_on_postgresql(connection, tables, rules)
        for table in NEVER_EMPTIED:
            if table in there:
                _refuse_on_postgresql(connection, table, "truncate", "STATEMENT")


def _there(connection: Connection) -> list[tuple[str, str]]:
    if connection.dialect.name == "sqlite":
        names = "SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'guard_%'"
    else:
        names = (
            "SELECT tgname, relname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid "
            "WHERE NOT tgisinternal AND tgname LIKE 'guard_%'"
        )
    return [(row[0], row[1]) for row in connection.execute(text(names))]


def _install_on_sqlite(connection: Connection, tables: list[str], rules: list[Rule]) -> None:
    for table in tables:
        for way in ("update", "delete"):
            connection.execute(
                text(
                    f"CREATE TRIGGER guard_{table}_{way} BEFORE {way.upper()} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{table} is insert-only'); END"
                )
            )
    for rule in rules:
        connection.execute(
            text(
                f"CREATE TRIGGER {rule.name} BEFORE {rule.way.upper()} ON {rule.table} "
                f"WHEN {rule.refused.format(**_AS_READ_BY['sqlite'])} "
                f"BEGIN SELECT RAISE(ABORT, '{rule.words}'); END"
            )
        )


def _install_on_postgresql(connection: Connection, tables: list[str], rules: list[Rule]) -> None:
    connection.execute(text(_FUNCTION))
    for table in tables:
        for way, level in (("update", "ROW"), ("delete", "ROW"), ("truncate", "STATEMENT")):
            _refuse_on_postgresql(connection, table, way, level)
    for rule in rules:
        row = "OLD" if rule.way == "delete" else "NEW"
        condition = rule.refused.format(**_AS_READ_BY["postgresql"])
        connection.execute(
            text(
                f"CREATE OR REPLACE FUNCTION {rule.name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                f"IF {condition} THEN RAISE EXCEPTION '{rule.words}' {_AS_SQLITE}; END IF; RETURN {row}; END $$"
            )
        )
        connection.execute(
            text(
                f"CREATE TRIGGER {rule.name} BEFORE {rule.way.upper()} ON {rule.table} "
                f"FOR EACH ROW EXECUTE FUNCTION {rule.name}()"
            )
        )


def _refuse_on_postgresql(connection: Connection, table: str, way: str, level: str) -> None:
    connection.execute(
        text(
            f"CREATE TRIGGER guard_{table}_{way} BEFORE {way.upper()} ON {table} "
            f"FOR EACH {level} EXECUTE FUNCTION refuse_change()"
        )
    )
