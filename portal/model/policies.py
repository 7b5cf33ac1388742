"""Row-level security on PostgreSQL, a rule for each table, in one list. Re-created at the end of every migration.

A row is shown and taken only when the subject of the transaction (`portal.tenancy`) is a party to it: the policies know
no membership and no page, and hold for whatever is asked. `permissions.visible` says the same above them, and more.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, inspect, text

from portal.extensions import Base
from portal.model.base import OfContract
from portal.model.guards import INSERT_ONLY
from portal.tenancy import APP_ROLE, WORKER_ROLE

_FUNCTIONS = (
    """
    CREATE OR REPLACE FUNCTION subject_organisation() RETURNS bigint STABLE PARALLEL SAFE LANGUAGE sql AS
    $$ SELECT CAST(nullif(current_setting('app.organisation', true), '') AS bigint) $$
    """,
    """
    CREATE OR REPLACE FUNCTION subject_contract() RETURNS bigint STABLE PARALLEL SAFE LANGUAGE sql AS
    $$ SELECT CAST(nullif(current_setting('app.contract', true), '') AS bigint) $$
    """,
    f"""
    CREATE OR REPLACE FUNCTION subject_is_everything() RETURNS boolean STABLE PARALLEL SAFE LANGUAGE sql AS
    $$ SELECT coalesce(current_setting('app.subject', true), '') = 'everything' AND EXISTS (
         SELECT FROM pg_catalog.pg_roles WHERE pg_has_role(current_user, oid, 'usage') AND (
           rolname = '{WORKER_ROLE}' OR oid = (SELECT relowner FROM pg_class WHERE oid = 'contract'::regclass))) $$
    """,  # noqa: S608 - nothing in it comes from outside # nosec B608
    """
    CREATE OR REPLACE FUNCTION subject_chains() RETURNS text[] STABLE PARALLEL SAFE LANGUAGE sql AS
    $$ SELECT string_to_array(nullif(current_setting('app.chains', true), ''), ' ') $$
    """,
    """
    CREATE OR REPLACE FUNCTION letters_waiting() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS
    $$ DECLARE before text := coalesce(current_setting('app.subject', true), ''); waiting bigint; BEGIN
         PERFORM set_config('app.subject', 'everything', true);
         SELECT count(*) INTO waiting FROM outgoing_mail WHERE state = 'queued';
         PERFORM set_config('app.subject', before, true);
         RETURN waiting; END $$
    """,
)
"""Who the transaction acts for. After a commit a setting is '' on the same connection, and nothing set is nobody.

The owner may say «everything», for it could take the policies away; `letters_waiting` says it in the owner's name, so
that the figures for those who run the portal are right in the web's role, which sees no letter.
"""

# Each stands in a SELECT of its own, so that PostgreSQL asks once a statement and not once a row.
_EVERYTHING = "(SELECT subject_is_everything())"
_ME = "(SELECT subject_organisation())"
_OPENED = "(SELECT subject_contract())"
_WRITTEN_ON = "chain = ANY (CAST((SELECT subject_chains()) AS text[]))"

_BUYERS = f"(buyer_id = {_ME} OR contract_id = {_OPENED} OR {_EVERYTHING})"
_SUPPLIERS = f"(supplier_id = {_ME} OR contract_id = {_OPENED} OR {_EVERYTHING})"
_PARTIES = f"(buyer_id = {_ME} OR supplier_id = {_ME} OR contract_id = {_OPENED} OR {_EVERYTHING})"
_IN_FORCE = "('decided', 'delivered', 'closed')"
_SEES_CONTRACT = "EXISTS (SELECT FROM contract c WHERE c.id = {table}.contract_id)"
_SAYS_ITS_PARTIES = (
    "EXISTS (SELECT FROM contract c WHERE c.id = {table}.contract_id "
    "AND c.buyer_id = {table}.buyer_id AND c.supplier_id = {table}.supplier_id)"
)
"""Nobody writes below another's contract by naming other parties. The contract is read by its own policy."""


_ALL = "true"


@dataclass(frozen=True)
class Policy:
    """Which rows of a table the subject sees, and which it may write. {table} is the table itself.

    An update needs both: of the row as it was the first, of the row as it becomes the second. A removal needs both.
    """

    shows: str
    takes: str


def _below_contract(shows: str) -> Policy:
    return Policy(shows, f"{_PARTIES} AND {_SAYS_ITS_PARTIES}")


_OF_PARTIES = _below_contract(_PARTIES)
_SEES_REVISION = f"{_EVERYTHING} OR EXISTS (SELECT FROM revision r WHERE r.id = {{table}}.revision_id)"  # nosec B608 - our own words
_OF_REVISION = Policy(_SEES_REVISION, _SEES_REVISION)
_OF_DRAFT = (
    f"{_EVERYTHING} OR EXISTS (SELECT FROM section s WHERE s.id = draft_line.section_id "  # nosec B608 - our own words
    f"AND (s.supplier_id = {_ME} OR s.contract_id = {_OPENED}))"
)
"""What is being filled in is the supplier's own affair; what the buyer reads is a revision."""
_ONCE_STARTED = _below_contract(f"{_BUYERS} OR (supplier_id = {_ME} AND {_SEES_CONTRACT})")
_OWN = f"organisation_id = {_ME} OR {_EVERYTHING}"
_MACHINES_OWNER = f"owner_id = {_ME} OR {_EVERYTHING}"
_OWN_CHAIN = f"chain = 'organisation:' || {_ME}"
_CHAIN_THAT_IS_WRITTEN = (
    "CASE WHEN chain LIKE 'contract:%' "
    "THEN EXISTS (SELECT FROM contract c WHERE c.id = CAST(split_part({table}.chain, ':', 2) AS bigint)) "
    f"ELSE {_WRITTEN_ON} OR {_EVERYTHING} END"  # nosec B608 - our own words
)
"""The head of a contract's chain is whose the contract is; an organisation's only the trail itself reaches, and only
those on which the transaction at hand puts an entry. It may be another's: a buyer invites a supplier's people."""
_ENTRY_THAT_IS_WRITTEN = (
    f"(CASE WHEN contract_id IS NULL THEN {_WRITTEN_ON} OR {_EVERYTHING} "
    f"ELSE {_SEES_CONTRACT} AND chain = 'contract:' || contract_id END) "
    f"AND (organisation_id IS NULL OR organisation_id = {_ME} OR chain = 'organisation:' || organisation_id "
    f"OR contract_id = {_OPENED} OR {_EVERYTHING})"
)
"""Nobody puts an entry in another's name, nor on a chain that it does not belong to."""

_OWN_RULES: Mapping[str, Policy] = {
    "contract": Policy(
        f"buyer_id = {_ME} OR (supplier_id = {_ME} AND state NOT IN ('draft', 'discarded')) "
        f"OR id = {_OPENED} OR {_EVERYTHING}",
        f"buyer_id = {_ME} OR supplier_id = {_ME} OR id = {_OPENED} OR {_EVERYTHING}",
    ),
    **dict.fromkeys(("planned_figure", "representative", "requirement", "sanction_clause", "site"), _ONCE_STARTED),
    **dict.fromkeys(("check_result", "figure", "finding", "revision_line"), _OF_REVISION),
    "draft_line": Policy(_OF_DRAFT, _OF_DRAFT),
    "appointment": _below_contract(f"{_BUYERS} OR (supplier_id = {_ME} AND membership_id IS NOT NULL)"),
    "claim": _below_contract(_BUYERS),
    "comment": _below_contract(f"{_BUYERS} OR (supplier_id = {_ME} AND told_at IS NOT NULL)"),
    "sanction": _below_contract(f"{_BUYERS} OR (supplier_id = {_ME} AND state IN {_IN_FORCE})"),
    "weighing": _below_contract(
        f"{_BUYERS} OR (supplier_id = {_ME} AND EXISTS ("  # nosec B608 - our own words
        "SELECT FROM point p JOIN deviation d ON d.id = p.deviation_id LEFT JOIN sanction s ON s.deviation_id = d.id "
        f"WHERE p.id = weighing.point_id AND (d.state = 'closed' OR s.state IN {_IN_FORCE})))"
    ),
    "evidence": _below_contract(
        f"{_SUPPLIERS} OR (buyer_id = {_ME} AND (report_id IS NULL OR revision_id IS NOT NULL))"
    ),
    "outgoing_mail": Policy(
        f"(buyer_id = {_ME} AND for_buyer) OR (supplier_id = {_ME} AND for_supplier) "
        f"OR contract_id = {_OPENED} OR {_EVERYTHING}",
        "(contract_id IS NULL AND buyer_id IS NULL AND supplier_id IS NULL AND NOT for_buyer AND NOT for_supplier) "
        f"OR {_SAYS_ITS_PARTIES}",
    ),
    "contract_import": Policy(_OWN, _OWN),
    "read_log": Policy(_OWN, _OWN),
    "unit": Policy(f"{_OWN} OR EXISTS (SELECT FROM contract c WHERE c.unit_id = unit.id)", _OWN),  # nosec B608 - ours
    "interest": Policy(_ALL, f"buyer_id = {_ME} OR {_EVERYTHING}"),
    "organisation_domain": Policy(_ALL, _OWN),
    "substitution": Policy(_ALL, _OWN),
    "machine": Policy(
        f"{_MACHINES_OWNER} OR EXISTS (SELECT FROM deployment d WHERE d.machine_id = machine.id)",  # nosec B608 - our own words
        _MACHINES_OWNER,
    ),
    "audit_event": Policy(
        f"(contract_id IS NOT NULL AND {_SEES_CONTRACT}) OR organisation_id = {_ME} OR {_OWN_CHAIN} OR {_EVERYTHING}",
        _ENTRY_THAT_IS_WRITTEN,
    ),
    "audit_head": Policy(_CHAIN_THAT_IS_WRITTEN, _CHAIN_THAT_IS_WRITTEN),
}
"""Tables whose rows are not simply those of the contract's two parties -> the rule instead."""

READ_BY_ALL: Mapping[str, str] = {
    "interest": "a person's own word, that bars them whomever they act for; `permissions` asks it by person",
    "organisation_domain": "asked when somebody takes a new address, before it is known for whom they act",
    "substitution": "asked beside the membership, before it is known on whose behalf a person acts",
}
"""Tables of which a subject writes its own rows only, yet every row is read, and why: by narrow operations."""

OUTSIDE: Mapping[str, str] = {
    "alembic_version": "where the tables stand, the same for all",
    "audit_anchor": "numbers and hashes of all chains, made to be known outside; read by `operations.anchors` alone",
    "authenticator": "asked when somebody signs in; sealed with a key that is not in the database",
    "group_member": "which buyers form a group, asked before it is known for whom a person acts; no person, no figure",
    "identity": "asked when somebody comes in by a provider's word, before it is known for whom they act",
    "installation": "one row about the installation itself",
    "invitation": "asked by whoever was sent it, before it is known who that is",
    "kind_version": "the catalogue of kinds, the same for all",
    "membership": "asked before it is known for whom a person acts; read by `sessions` and `operations.accounts`",
    "one_time_secret": "asked by whoever holds the secret, before it is known who that is; kept as a hash",
    "organisation": "number and name, which a public register tells everybody",
    "passkey": "asked when somebody signs in, before it is known who that is; its secret half is not here",
    "person": "asked when somebody signs in; a party reads the other's names beside what they did",
    "process_definition": "the catalogue of diagrams, the same for all",
    "program": "asked by the token that it comes with, before it is known for whom it reads",
    "provider_session": "asked by the provider that ends it, before it is known whose it is",
    "recovery_code": "asked when somebody signs in; kept as a hash",
    "sign_in_attempt": "written before it is known who that is; read by the limits alone",
    "web_session": "asked by its hash before it is known who that is",
}
"""Tables that no policy guards, and why: each is reached by narrow operations only."""


def rules() -> dict[str, Policy]:
    """The policy of every table that has one."""
    below = [mapper.class_ for mapper in Base.registry.mappers if issubclass(mapper.class_, OfContract)]
    parties = {str(entity.__tablename__): _OF_PARTIES for entity in below}  # type: ignore[attr-defined]
    return {**parties, **_OWN_RULES}


def expected(dialect: str) -> set[str]:
    """The tables that must be guarded; on SQLite there are no policies."""
    return set() if dialect == "sqlite" else set(rules())


def found(connection: Connection) -> set[str]:
    """The tables that are guarded: by a policy, that not even the owner passes by."""
    if connection.dialect.name == "sqlite":
        return set()
    return set(
        connection.scalars(
            text(
                "SELECT relname FROM pg_class WHERE relkind = 'r' AND relrowsecurity AND relforcerowsecurity "
                "AND EXISTS (SELECT FROM pg_policy WHERE polrelid = pg_class.oid AND polname = 'subject_rows')"
            )
        )
    )


def remove(connection: Connection) -> None:
    """Take the policies away while tables are rebuilt and rows carried over; `install` puts them back."""
    if connection.dialect.name == "sqlite":
        return
    policies = text(
        "SELECT polname, relname FROM pg_policy JOIN pg_class ON pg_class.oid = polrelid WHERE polname LIKE 'subject_%'"
    )
    for policy, table in connection.execute(policies).all():
        connection.execute(text(f"DROP POLICY {policy} ON {table}"))
        connection.execute(text(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY"))


def install(connection: Connection) -> None:
    """Put every policy in place anew, on the tables that this revision has, and give the roles their rights."""
    if connection.dialect.name == "sqlite":
        return
    remove(connection)
    for function in _FUNCTIONS:
        connection.execute(text(function))
    there = set(inspect(connection).get_table_names())
    for table, policy in rules().items():
        if table in there:
            _guard(connection, table, policy)
    if APP_ROLE in roles(connection):
        _grant(connection, there)


def roles(connection: Connection) -> list[str]:
    """Those of the portal's own roles that this server has; the worker's holds all that the web's holds."""
    named = text("SELECT rolname FROM pg_catalog.pg_roles WHERE rolname IN (:app, :worker) ORDER BY rolname")
    return list(connection.scalars(named, {"app": APP_ROLE, "worker": WORKER_ROLE}))


def _guard(connection: Connection, table: str, policy: Policy) -> None:
    shows, takes = policy.shows.format(table=table), policy.takes.format(table=table)
    for statement in (
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
        f"CREATE POLICY subject_rows ON {table} USING ({shows}) WITH CHECK ({takes})",
        f"CREATE POLICY subject_removes ON {table} AS RESTRICTIVE FOR DELETE USING ({takes})",
        *([f"CREATE POLICY subject_changes ON {table} AS RESTRICTIVE FOR UPDATE USING ({takes})"] * (shows == _ALL)),
    ):
        connection.execute(text(statement))


def _grant(connection: Connection, there: set[str]) -> None:
    """To read and write, yet not to change what is only ever added to."""
    kept = {table for table in INSERT_ONLY if table in there}
    for table in sorted(there):
        rights = "SELECT, INSERT" if table in kept else "SELECT, INSERT, UPDATE, DELETE"
        connection.execute(text(f"REVOKE ALL ON {table} FROM {APP_ROLE}"))
        connection.execute(text(f"GRANT {rights} ON {table} TO {APP_ROLE}"))
    connection.execute(text(f"GRANT USAGE ON SCHEMA public TO {APP_ROLE}"))
    connection.execute(text(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {APP_ROLE}"))
