"""
Staff accounts and the proof that one of them made a decision. Pure.

An Ed25519 key follows from an account's password (Argon2id), and the services know the public key. The
command derives it on the person's machine; ``habeas login`` and the pages send the password to the console,
which derives the key and forgets the password. A decision is signed with that key, together with a one-time
code of the second factor. A service that acts on a decision needs no trust in the program that sent it, and
none in intake (docs/adr/0025-staff-accounts.md).
"""

import base64
import hmac
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b, sha256
from typing import Any, TypeAlias, TypeVar

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from shared.contract.envelope import derived_id
from shared.contract.events import Code, Decision, Event, StaffProof, StaffRole, StaffSignedIn
from shared.contract.events.breaches import BreachDeclared

StaffDecision: TypeAlias = Decision | BreachDeclared
D = TypeVar("D", Decision, BreachDeclared, StaffDecision)

STEP_S = 30
DIGITS = 6
LATE_STEPS = 1
"""Number of codes before the current one that count: typing takes time."""
LIFETIME = timedelta(minutes=10)
"""Age of a proof that a service sees for the first time, at most."""
CLOCK_SKEW = timedelta(seconds=60)
CODE_LIFETIME = timedelta(seconds=90)
"""Distance of a code's half-minute from the moment in which a service first sees it, at most."""
MOST_WRONG_CODES = 10
"""Wrong codes of an account within a day, with the right password; after them it waits for an admin."""
RECOVERY_BYTES = 10
RECOVERY_CODES = 8
"""Codes that a new account gets."""
SALT_BYTES = 16
TEXT_SALT_BYTES = 16
LEAST_PASSWORD = 14
_CONTEXT = b"habeas staff decision 1\n"
_BATCH_CONTEXT = b"habeas staff batch 1\n"
_ADDRESS_MARK = "@"
WRITTEN = "written_"
"""Begin of the name of a text that goes with a decision."""
_PACKED = "package_"
"""Places it beside the other packages."""


@dataclass(frozen=True, slots=True)
class StaffAccount:
    """An account, as services that verify its decisions know it."""

    name: Code
    roles: frozenset[StaffRole]
    public_key: bytes
    second_factor: bytes = b""
    """Key of the one-time codes; empty for the account of a program."""
    mailboxes: frozenset[str] = frozenset()
    """Keyed hashes of the person's own mailboxes: a decision on their own request is refused."""
    disabled: bool = False
    display_name: str = ""
    recovery: tuple[str, ...] = ()
    """SHA-256 of the recovery codes: each stands for one code of a second factor that is lost."""
    subject: str = ""
    """The account at the provider of sign-in: the claim ``sub`` of its tokens; empty: none."""

    @property
    def enrolment(self) -> str:
        """Identifies the second factor, or the key where there is none: a reset makes old codes worthless."""
        return blake2b(self.second_factor or self.public_key, digest_size=8).hexdigest()


def demands_proof(event: Event) -> bool:
    """
    Return whether a service may act on *event* only after its proof was verified.

    A declaration of a breach may come from a system; it names no account then
    (services.intake.handlers).
    """
    return isinstance(event, Decision) or (isinstance(event, BreachDeclared) and event.proof is not None)


def private_key(password: str, salt: bytes) -> Ed25519PrivateKey:
    """Return the key that follows from *password*; it takes 64 MiB and about a fifth of a second."""
    derived = Argon2id(salt=salt, length=32, iterations=3, lanes=4, memory_cost=64 * 1024)
    return Ed25519PrivateKey.from_private_bytes(derived.derive(password.encode()))


def public_bytes(key: Ed25519PrivateKey) -> bytes:
    """Return the public key of *key*."""
    return key.public_key().public_bytes_raw()


def signed(decision: D, key: Ed25519PrivateKey, *, at: datetime, nonce: str, code: str = "") -> D:
    """
    Return *decision* with its proof.

    Args:
        decision: Its ``by`` is the name of the account.
        key: Of the account.
        at: The present moment.
        nonce: 32 hexadecimal digits, drawn at random.
        code: Shown by the account's second factor; empty for the account of a program.
    """
    draft = StaffProof(account=decision.by or "", at=at, nonce=nonce, code=code, signature="0" * 128)
    signature = key.sign(_signed_bytes(decision, draft)).hex()
    return decision.model_copy(update={"proof": draft.model_copy(update={"signature": signature})})


def signed_batch(
    decisions: Sequence[Decision], key: Ed25519PrivateKey, *, at: datetime, nonce: str, code: str = ""
) -> list[Decision]:
    """
    Return *decisions*, at most ``MOST_BATCHED``, with one proof for all of them.

    They name the same account; the other arguments are those of :func:`signed`.
    """
    draft = StaffProof(
        account=decisions[0].by,
        at=at,
        nonce=nonce,
        code=code,
        signature="0" * 128,
        batch=tuple(map(decision_digest, decisions)),
    )
    proof = draft.model_copy(update={"signature": key.sign(_batch_bytes(draft)).hex()})
    return [decision.model_copy(update={"proof": proof}) for decision in decisions]


def decision_id(decision: StaffDecision) -> str:
    """Return the id of the event of a signed decision: a repeated decision is the same event."""
    proof = decision.proof
    own = f" {decision_digest(decision)}" if proof and proof.batch else ""
    return derived_id(f"staff {proof.signature if proof else ''}{own}", 0)


def decision_digest(decision: StaffDecision) -> str:
    """Return the SHA-256 of a decision without its proof, in hexadecimal."""
    return sha256(_canonical(_content(decision))).hexdigest()


def signature_fits(decision: StaffDecision, account: StaffAccount) -> bool:
    """Return whether *account* signed exactly this decision."""
    proof = decision.proof
    if proof is None or not proof.account == decision.by == account.name:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(account.public_key).verify(
            bytes.fromhex(proof.signature), _signed_bytes(decision, proof)
        )
    except InvalidSignature:
        return False
    return not proof.batch or decision_digest(decision) in proof.batch


def _signed_bytes(decision: StaffDecision, proof: StaffProof) -> bytes:
    if proof.batch:
        return _batch_bytes(proof)
    plain = proof.model_dump(mode="json", exclude={"signature", "batch"})
    return _CONTEXT + _canonical(_content(decision) | {"proof": plain})


def _batch_bytes(proof: StaffProof) -> bytes:
    return _BATCH_CONTEXT + _canonical(proof.model_dump(mode="json", exclude={"signature"}))


def _content(decision: StaffDecision) -> dict[str, Any]:
    """Return type and data of a decision, without defaults, as they are after a journey through JSON."""
    kind = type(decision)
    travelled = kind.model_validate_json(decision.model_copy(update={"proof": None}).model_dump_json())
    data = travelled.model_dump(mode="json", exclude={"proof"}, exclude_defaults=True)
    return {"type": kind.TYPE, "data": data}


def _canonical(content: dict[str, Any]) -> bytes:
    return orjson.dumps(content, option=orjson.OPT_SORT_KEYS)


def objection(decision: StaffDecision, account: StaffAccount, now: datetime) -> Code | None:
    """
    Return why a decision that *account* signed is refused when it is seen for the first time, or None.

    The one-time code is checked by its own rules: it counts once, and wrong ones are counted.
    """
    proof = decision.proof
    if account.disabled:
        return "account_disabled"
    if not account.roles & decision.ROLES:
        return "role_missing"
    if isinstance(decision, StaffSignedIn) and not account.second_factor:
        return "program_signed_in"
    if proof is None or not now - LIFETIME <= proof.at <= now + CLOCK_SKEW:
        return "proof_stale"
    return None


def session_token(secret: str) -> str:
    """Return the token of the session with *secret*: it names the session, and opens none."""
    return sha256(secret.encode()).hexdigest()


def session_stands(session: StaffSignedIn, account: StaffAccount, now: datetime) -> bool:
    """
    Return whether *session* of *account* is in force: neither over, nor is the account disabled or reset.

    A reset gives the account another key, second factor and recovery codes: then it has not signed the
    session.
    """
    proof = session.proof
    if proof is None or account.disabled or not now < session.until or not signature_fits(session, account):
        return False
    dated = step_of(proof.code, account.second_factor, proof.at) is not None
    return dated or is_recovery(proof.code, account)


def step_of(code: str, key: bytes, at: datetime) -> int | None:
    """Return the half-minute of *code*; None where it is neither that of *at* nor the one before."""
    # Authenticator apps know SHA-1 only; for HMAC it is still safe.
    made = TOTP(key, DIGITS, SHA1(), STEP_S)  # noqa: S303 - see above
    current = int(at.timestamp()) // STEP_S
    steps = range(current, current - LATE_STEPS - 1, -1)
    fitting = (step for step in steps if hmac.compare_digest(made.generate(step * STEP_S), code.encode()))
    return next(fitting, None)


def recovery_code(drawn: bytes) -> str:
    """Return the recovery code of :data:`RECOVERY_BYTES` random bytes."""
    return base64.b32encode(drawn).decode().lower()


def recovery_digest(code: str) -> str:
    """Return what an account keeps of a recovery code; its 80 bits cannot be guessed from that."""
    return sha256(code.encode()).hexdigest()


def is_recovery(code: str, account: StaffAccount) -> bool:
    """Return whether *code* is a recovery code of *account*."""
    return len(code) > DIGITS and recovery_digest(code) in account.recovery


def is_current(step: int, seen: datetime) -> bool:
    """Return whether a code of the half-minute *step* may count where it is first seen at *seen*."""
    return abs(seen.timestamp() - step * STEP_S) <= CODE_LIFETIME.total_seconds()


def code_at(key: bytes, at: datetime) -> str:
    """Return the code that a second factor with *key* shows."""
    return TOTP(key, DIGITS, SHA1(), STEP_S).generate(int(at.timestamp())).decode()  # noqa: S303 - as above


def mailbox_hash(address: str, key: bytes) -> str:
    """Return the keyed hash of a mailbox; case and the text behind a ``+`` make no other mailbox."""
    local, _, domain = address.strip().casefold().rpartition(_ADDRESS_MARK)
    plain = f"{local.partition('+')[0]}{_ADDRESS_MARK}{domain}"
    return hmac.new(key, plain.encode(), sha256).hexdigest()


def addresses_in(submission: bytes) -> frozenset[str]:
    """Return every mail address that stands alone as a value in a sealed submission."""
    return frozenset(
        text for text in _texts(orjson.loads(submission)) if _ADDRESS_MARK in text and " " not in text.strip()
    )


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for child in _children(value):
        yield from _texts(child)


def _children(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def salted(text: bytes, salt: bytes) -> bytes:
    """Return the sealed form of a text that goes with a decision, after a salt of :data:`TEXT_SALT_BYTES`."""
    return salt + text


def written_item(content: bytes) -> Code:
    """
    Return the name in the vault of a text in its sealed form: its digest.

    The decision signs the name, and so the text. The salt lies with the text alone: the name reveals nothing.
    """
    return f"{WRITTEN}{sha256(content).hexdigest()}"


def packed_item(content: bytes) -> Code:
    """
    Return the name in the vault of the ZIP that goes with a decision: its digest.

    A random comment in the ZIP keeps the name from revealing the files.
    """
    return f"{_PACKED}{sha256(content).hexdigest()}"


def written_text(item: Code, content: bytes) -> str | None:
    """Return the text that is sealed as *content*; None if it is no UTF-8, or not what *item* names."""
    if not hmac.compare_digest(written_item(content), item):
        return None
    try:
        return content[TEXT_SALT_BYTES:].decode()
    except UnicodeDecodeError:
        return None


def is_written(item: Code) -> bool:
    """Return whether *item* names a text that goes with a decision."""
    return item.startswith(WRITTEN)
