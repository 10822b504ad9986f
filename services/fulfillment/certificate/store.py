"""Certificates of erasures without a request; those of requests are sealed with their cases."""

from datetime import datetime

from shared.runtime.mongo import Database, insert_new, translated


class Certificates:
    """The collection ``certificates``: free of personal data, they outlive all cases."""

    def __init__(self, database: Database) -> None:
        """Keep them in *database*."""
        self._certificates = database["certificates"]

    async def keep(self, number: str, file: bytes, at: datetime, *, of: str | None = None) -> None:
        """
        Keep the signed *file*.

        Args:
            number: Number of the certificate.
            file: The signed file.
            at: Time of issue.
            of: The earlier erasure with records left; None if it is an erasure of its own.
        """
        await insert_new(self._certificates, [{"_id": number, "of": of, "at": at, "file": file}])

    async def of(self, number: str) -> bytes | None:
        """Return the signed file; None if there is no such certificate."""
        with translated("read a certificate"):
            found = await self._certificates.find_one({"_id": number})
        return None if found is None else bytes(found["file"])
