"""What readers, writers and admins of a registry in PostgreSQL may do, as the SQL that grants it.

A writer adds: versions, runs, edges, observations, and moves aliases.  What was recorded of a version it can neither
change nor remove, nor the history of it; that is for admins.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from sqlalchemy import text

from landfast.errors import AccessDenied, InvalidInput
from landfast.registry.database.engine import Database, Transaction
from landfast.registry.database.url import RegistryUrl
from landfast.registry.schema.tables import alembic_version, metadata


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """What a writer may do with the rows of a table, beside reading them; `update` names columns."""

    insert: bool = True
    update: tuple[str, ...] = ()
    delete: bool = False


WRITER: dict[str, Rights] = {
    "registry": Rights(insert=False),
    "counters": Rights(insert=False, update=("value", "at")),
    "entities": Rights(),
    "projects": Rights(),
    "collections": Rights(),
    "partitions": Rights(update=("next_index", "latest_ticket")),
    "runs": Rights(
        update=("name", "job_type", "status", "attempt", "link", "config", "finished_at")
    ),
    # Neither content nor number, nor that it was deleted: what is editable of it.
    "versions": Rights(update=("description", "metadata", "ttl_seconds", "expires_at")),
    "aliases": Rights(update=("version_id", "moved_at"), delete=True),
    "alias_removals": Rights(),
    "tags": Rights(delete=True),
    "pin_sets": Rights(update=("seen_at",)),
    "sources": Rights(),
    "observations": Rights(),
    "verifications": Rights(delete=True),
    "edges": Rights(update=("position",)),
    "run_events": Rights(update=("position",)),
    "changes": Rights(),
    "verdict_changes": Rights(),
    "announcements": Rights(update=("position", "digest")),
    "consumers": Rights(update=("holder", "held_until")),
    "consumer_positions": Rights(update=("position", "moved_at")),
    "blobs": Rights(update=("size", "recorded_at", "condemned_at")),
    "manifest_bases": Rights(),
    "holds": Rights(update=("kind", "reason", "complete_at", "ended_at"), delete=True),
    "held_objects": Rights(update=("state", "worker", "worker_until", "at"), delete=True),
    "hold_members": Rights(delete=True),
}
"""Of every table of the schema: what the verbs of a writer need, and no more."""

_ALL = "SELECT, INSERT, UPDATE, DELETE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Roles:
    """Names of roles of PostgreSQL, by what they are to be."""

    readers: tuple[str, ...] = ()
    writers: tuple[str, ...] = ()
    admins: tuple[str, ...] = ()

    def check(self) -> None:
        """Refuse a role that is to be two things at once."""
        named = [*self.readers, *self.writers, *self.admins]
        twice = sorted({name for name in named if named.count(name) > 1})
        if twice:
            raise InvalidInput(f"the role {twice[0]} is named twice", subject=twice[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Grants:
    """SQL that makes roles what they are to be.

    Args:
        statements: What the owner of the tables runs, in one transaction; running it again changes nothing.
        superuser: What only a superuser may run, or who has the owner's role with its admin option.
    """

    statements: tuple[str, ...]
    superuser: tuple[str, ...] = field(default=())


def grants(url: str, roles: Roles, *, apply: bool = False) -> Grants:
    """Return the SQL for a registry's roles, as its tables are now and will be; run it, if asked to `apply`.

    Raises:
        InvalidInput: If the registry is a SQLite file, which has no roles, or a role is named twice.
        AccessDenied: If the connected role may not grant.
    """
    parsed = RegistryUrl.parse(url)
    if parsed.is_sqlite:
        raise InvalidInput(
            f"{parsed} has no roles",
            subject=str(parsed),
            expected="a registry in PostgreSQL",
            hint="The permissions of a SQLite file define who can read and write it.",
        )
    roles.check()
    database = Database(parsed)
    try:
        found = database.read(lambda tx: _Sql(tx, roles).grants())
        if apply:
            database.write(lambda tx: _run(tx, found))
        return found
    finally:
        database.close()


def become_owner(tx: Transaction, url: str) -> None:
    """Act as the owner of the tables, whose default privileges are those of what is made now.

    Raises:
        AccessDenied: If the connected role is no member of it.
    """
    owner, me, is_member = tx.connection.execute(
        text(
            "SELECT tableowner, current_user, pg_has_role(current_user, tableowner, 'MEMBER') FROM pg_tables"
            " WHERE tablename = 'registry' AND schemaname = ANY (current_schemas(false))"
        )
    ).one()
    if not is_member:
        raise AccessDenied(
            f"the registry {url} cannot be upgraded by {me}",
            subject=url,
            expected=f"the owner of its tables, {owner}, or a member of that role",
            found=str(me),
            hint=f"Run it as {owner}; or a superuser runs: GRANT {owner} TO {me};",
        )
    if owner != me:
        quoted = tx.connection.dialect.identifier_preparer.quote(owner)
        tx.connection.exec_driver_sql(f"SET LOCAL ROLE {quoted}")


def _run(tx: Transaction, found: Grants) -> None:
    for statement in found.statements:
        tx.connection.exec_driver_sql(statement, execution_options={"no_parameters": True})


class _Sql:
    """Writes the statements for one registry."""

    def __init__(self, tx: Transaction, roles: Roles) -> None:
        self._tx = tx
        self._roles = roles
        self._quote = tx.connection.dialect.identifier_preparer.quote
        found = tx.connection.execute(
            text(
                "SELECT schemaname, tableowner FROM pg_tables"
                " WHERE tablename = 'registry' AND schemaname = ANY (current_schemas(false))"
            )
        ).one()
        self._schema, self._owner = self._quote(found.schemaname), found.tableowner
        names = sorted({*metadata.tables, alembic_version.name})
        self._tables = self._named(names)
        self._sequences = ", ".join(self._of_tables())

    def grants(self) -> Grants:
        statements = [
            *(line for role in self._roles.readers for line in self._reader(role)),
            *(line for role in self._roles.writers for line in self._writer(role)),
            *(line for role in self._roles.admins for line in self._admin(role)),
        ]
        admins = [role for role in self._roles.admins if role != self._owner]
        members = [line for role in admins for line in self._membership(role)]
        if self._may_admit():
            return Grants(statements=(*statements, *members))
        return Grants(statements=tuple(statements), superuser=tuple(members))

    def _reader(self, role: str) -> Iterator[str]:
        yield from self._afresh(role)
        yield f"GRANT SELECT ON TABLE {self._tables} TO {self._quote(role)}"
        yield self._later(role, "SELECT", "TABLES")

    def _writer(self, role: str) -> Iterator[str]:
        me = self._quote(role)
        yield from self._afresh(role)
        yield f"GRANT SELECT ON TABLE {self._tables} TO {me}"
        added = [name for name, rights in WRITER.items() if rights.insert]
        yield f"GRANT INSERT ON TABLE {self._named(added)} TO {me}"
        for name, rights in WRITER.items():
            if rights.update:
                columns = ", ".join(map(self._quote, rights.update))
                yield f"GRANT UPDATE ({columns}) ON TABLE {self._named([name])} TO {me}"
        removed = [name for name, rights in WRITER.items() if rights.delete]
        yield f"GRANT DELETE ON TABLE {self._named(removed)} TO {me}"
        yield f"GRANT USAGE ON SEQUENCE {self._sequences} TO {me}"
        yield self._later(role, _ALL, "TABLES")
        yield self._later(role, "USAGE", "SEQUENCES")

    def _admin(self, role: str) -> Iterator[str]:
        me = self._quote(role)
        yield from self._afresh(role)
        yield f"GRANT {_ALL} ON TABLE {self._tables} TO {me}"
        yield f"GRANT USAGE, SELECT ON SEQUENCE {self._sequences} TO {me}"
        yield self._later(role, _ALL, "TABLES")
        yield self._later(role, "USAGE, SELECT", "SEQUENCES")

    def _membership(self, role: str) -> Iterator[str]:
        """Let an admin act as the owner, which is what it takes to upgrade."""
        owner, me = self._quote(self._owner), self._quote(role)
        # Who makes a role is a member of it since PostgreSQL 16, and two cannot be members of each other.
        is_made_by_owner = text(
            "SELECT EXISTS (SELECT FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid"
            " JOIN pg_roles o ON o.oid = m.member WHERE r.rolname = :role AND o.rolname = :owner)"
        )
        names = {"role": role, "owner": self._owner}
        if self._tx.connection.execute(is_made_by_owner, names).scalar_one():
            yield f"REVOKE {me} FROM {owner}"
        yield f"GRANT {owner} TO {me}"

    def _afresh(self, role: str) -> Iterator[str]:
        """Begin a role that is not there, and take from one what it was given before."""
        me = self._quote(role)
        is_there = text("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = :role)")
        if not self._tx.connection.execute(is_there, {"role": role}).scalar_one():
            yield f"CREATE ROLE {me} NOLOGIN"
        yield f"GRANT USAGE ON SCHEMA {self._schema} TO {me}"
        yield f"REVOKE ALL ON TABLE {self._tables} FROM {me}"

    def _later(self, role: str, rights: str, kind: str) -> str:
        """Grant it on what an upgrade will add, too."""
        return (
            f"ALTER DEFAULT PRIVILEGES FOR ROLE {self._quote(self._owner)} IN SCHEMA {self._schema} "
            f"GRANT {rights} ON {kind} TO {self._quote(role)}"
        )

    def _may_admit(self) -> bool:
        may = text("SELECT pg_has_role(current_user, :owner, 'MEMBER WITH ADMIN OPTION')")
        return bool(self._tx.connection.execute(may, {"owner": self._owner}).scalar_one())

    def _named(self, names: Sequence[str]) -> str:
        return ", ".join(f"{self._schema}.{self._quote(name)}" for name in names)

    def _of_tables(self) -> Iterator[str]:
        for table in metadata.sorted_tables:
            if table.autoincrement_column is not None:
                found = self._tx.connection.execute(
                    text("SELECT pg_get_serial_sequence(:table, :column)"),
                    {"table": table.name, "column": table.autoincrement_column.name},
                ).scalar_one()
                yield str(found)
