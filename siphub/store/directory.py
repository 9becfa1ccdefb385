"""Who and where: the directory as last imported, and the credentials of those who may hand in. It never holds a secret, only a keyed hash."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Select, delete, select, update

from siphub.store.columns import Topic, insert_missing
from siphub.store.prepared import given, prepared
from siphub.store.rows import NO_OWNER
from siphub.store.rows_directory import AgreementRow, CredentialRow, DirectoryRows, OrganisationRow, UnitRow
from siphub.store.tables_directory import agreement, credential, directory_version, organisation, unit

_VERSION = prepared(select(directory_version.c.version).where(directory_version.c.owner == NO_OWNER))
_BY_HASH = prepared(select(credential).where(credential.c.key_hash == given("hash"), credential.c.revoked_at.is_(None)))


class Directory(Topic):
    """Organisations, units and agreements. A hub keeps a snapshot and asks only for the version."""

    def load(self) -> DirectoryRows:
        """Return the whole directory, with the version it had when the reading began."""
        version = self.version()
        organisations = self._all(OrganisationRow, select(organisation).order_by(organisation.c.number))
        units = self._all(UnitRow, select(unit).order_by(unit.c.id))
        found = self._connection.execute(select(agreement).order_by(agreement.c.id)).mappings()
        agreements = (AgreementRow(**{**row, "parties": tuple(row["parties"]), "binds": tuple(row["binds"])}) for row in found)
        return DirectoryRows(version, organisations, units, tuple(agreements))

    def replace(self, organisations: Iterable[OrganisationRow], units: Iterable[UnitRow], agreements: Iterable[AgreementRow] = ()) -> int:
        """Put these in place of everything; return the new version."""
        insert_missing(self._connection, directory_version, {"owner": NO_OWNER, "version": 0, "at": None})
        raised = {"version": directory_version.c.version + 1, "at": self._clock.now()}
        self._connection.execute(update(directory_version).where(directory_version.c.owner == NO_OWNER).values(raised))
        for table in (agreement, unit, organisation):
            self._connection.execute(delete(table))
        self._insert(organisation, *map(asdict, organisations))
        self._insert(unit, *map(asdict, units))
        self._insert(agreement, *map(asdict, agreements))
        return self.version()

    def version(self) -> int:
        """Return the directory's version; 0 before the first import."""
        found = _VERSION.first(self._connection)
        return int(found[0]) if found is not None else 0


class Credentials(Topic):
    """API keys, as keyed hashes."""

    def add(self, row: CredentialRow) -> None:
        """Keep a credential.

        Raises:
            StoreError: The organisation has one of that name.
        """
        self._insert(credential, asdict(row))

    def by_hash(self, key_hash: bytes) -> CredentialRow | None:
        """Return the credential with this keyed hash, unless it has been revoked."""
        found = _BY_HASH.row(CredentialRow, self._connection, hash=key_hash)
        return replace(found, units=tuple(found.units), roles=tuple(found.roles)) if found is not None else None

    def revoke(self, owner: str, name: str, at: datetime) -> bool:
        """Revoke a credential; return False where it is revoked already, or not there."""
        mine = (credential.c.owner == owner, credential.c.name == name, credential.c.revoked_at.is_(None))
        return self._connection.execute(update(credential).where(*mine).values(revoked_at=at)).rowcount == 1

    def list(self, owner: str | None = None) -> tuple[CredentialRow, ...]:
        """Return the credentials, revoked ones too; of all organisations where none is named."""
        query = select(credential).order_by(credential.c.owner, credential.c.name)
        return self._credentials(query if owner is None else query.where(credential.c.owner == owner))

    def _credentials(self, query: Select[Any]) -> tuple[CredentialRow, ...]:
        rows = self._connection.execute(query).mappings()
        return tuple(CredentialRow(**{**row, "units": tuple(row["units"]), "roles": tuple(row["roles"])}) for row in rows)
