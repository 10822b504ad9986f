"""OpenPGP keys of fictional receivers."""

from dataclasses import dataclass, field
from pathlib import Path

from pysequoia import Tsk, decrypt, encrypt

from services.fulfillment.recipients.receivers import CHALLENGE, PackageReceiver
from shared.runtime.openpgp import OpenPgpCertificate


@dataclass(frozen=True)
class ReceiverKey:
    """A key pair."""

    pair: Tsk = field(default_factory=lambda: Tsk.generate("Import <import@example.com>"))

    @property
    def fingerprint(self) -> str:
        return str(self.pair.extract_certificate().fingerprint)

    def certificate(self, folder: Path) -> OpenPgpCertificate:
        """Return the certificate, in a new file in *folder*."""
        return OpenPgpCertificate.read(self.file(folder), self.fingerprint)

    def file(self, folder: Path) -> Path:
        """Return a file in *folder* with the certificate."""
        file = folder / f"{self.fingerprint}.asc"
        file.write_text(str(self.pair.extract_certificate()))
        return file

    def receiver(self, url: str, folder: Path) -> PackageReceiver:
        """Return the receiver at *url* with this key."""
        return PackageReceiver(url, self.certificate(folder))

    def sealed(self, content: bytes) -> bytes:
        """Return *content* as people encrypt it: as text."""
        return bytes(encrypt(content, recipients=[self.pair.extract_certificate()]))

    def opened(self, message: bytes) -> bytes:
        """Return the content of *message*; raises RuntimeError if it is for another key."""
        content = decrypt(message, decryptor=self.pair.decryptor()).bytes
        assert content is not None
        return content

    def word(self, message: bytes, url: str) -> bytes:
        """Return the word of a challenge for *url*; nothing if *message* is none for it."""
        name, _, rest = self.opened(message).partition(b" ")
        address, _, word = rest.partition(b" ")
        return word if (name.decode(), address.decode()) == (CHALLENGE, url) else b""
