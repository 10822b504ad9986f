"""Certificates of erasures that stand behind no request; a request's lies sealed with its case."""

from datetime import datetime

from shared.runtime.mongo import Database, insert_new, translated


class Certificates:
    """The collection ``certificates``: free of personal data, they outlive everything they are about."""

    def __init__(self, database: Database) -> None:
        """Keep them in *database*."""
        self._certificates = database["certificates"]

    async def keep(self, number: str, file: bytes, at: datetime, *, of: str | None = None) -> None:
        """
        Keep the signed *file*.

        Args:
            number: Of the certificate.
            file: As it was signed.
            at: When it was issued.
            of: The erasure whose rest was erased; none where it is an erasure of its own.
        """
        await insert_new(self._certificates, [{"_id": number, "of": of, "at": at, "file": file}])

    async def of(self, number: str) -> bytes | None:
        """Return the signed file; none where there is no such certificate."""
        with translated("read a certificate"):
            found = await self._certificates.find_one({"_id": number})
        return None if found is None else bytes(found["file"])
