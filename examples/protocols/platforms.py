"""
Shopify, Meta, Apple and a log-in provider (RISC) report erasures.

Usage: platforms.py FOLDER URL EMAIL.
"""

import base64
import hmac
import json
import secrets
import sys
import time
import urllib.parse
from pathlib import Path
from typing import cast

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from trial import APP, ISSUER, SHOP, keys, serve

folder, url, email = sys.argv[1:]
known = keys(folder)
issuer = cast("RSAPrivateKey", load_pem_private_key(Path(folder, "issuer.key").read_bytes(), None))
public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(issuer.public_key())) | {"kid": "trial", "use": "sig"}
published = json.dumps({"keys": [public | {"alg": "RS256"}]}).encode()
http = httpx.Client(base_url=f"{url}/webhooks", timeout=30)


def base64url(content: bytes) -> str:
    """Return *content* as base64 for addresses."""
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def token(issued_by: str, **claims: object) -> str:
    """Return a signed token."""
    now = int(time.time())
    said = {"iss": issued_by, "aud": APP, "iat": now, "jti": secrets.token_hex(16), **claims}
    return jwt.encode(said, issuer, "RS256", headers={"kid": "trial", "typ": "secevent+jwt"})


serve(lambda *_: (200, "application/json", published), known["ports"]["keys"])

body = json.dumps({"shop_id": 1, "shop_domain": SHOP, "customer": {"id": 7, "email": email}}).encode()
digest = hmac.digest(known["shopify"].encode(), body, "sha256")
headers = {
    "X-Shopify-Topic": "customers/redact",
    "X-Shopify-Shop-Domain": SHOP,
    "X-Shopify-Webhook-Id": secrets.token_hex(16),
    "X-Shopify-Hmac-Sha256": base64.b64encode(digest).decode(),
}
print("shopify", http.post("/shopify", content=body, headers=headers).raise_for_status().json()["status"])

said = base64url(json.dumps({"user_id": "218471", "algorithm": "HMAC-SHA256", "issued_at": 1}).encode())
signature = base64url(hmac.digest(known["meta"].encode(), said.encode(), "sha256"))
form = urllib.parse.urlencode({"signed_request": f"{signature}.{said}"})
typed = {"Content-Type": "application/x-www-form-urlencoded"}
answer = http.post("/meta", content=form, headers=typed).raise_for_status().json()
print("meta", answer["url"])

happened = json.dumps({"type": "account-delete", "sub": "001.trial", "event_time": int(time.time() * 1000)})
notification = token("https://appleid.apple.com", events=happened, exp=int(time.time()) + 3600)
print("apple", http.post("/apple", json={"payload": notification}).raise_for_status().status_code)

purged = "https://schemas.openid.net/secevent/risc/event-type/account-purged"
event = token(ISSUER, events={purged: {}}, sub_id={"format": "email", "email": email})
sent = {"Content-Type": "application/secevent+jwt"}
print("risc", http.post("/risc", content=event, headers=sent).raise_for_status().status_code)
