"""
A client of Fides asks for a copy and follows it.

Usage: fides.py FOLDER URL EMAIL.
"""

import sys

import httpx
from trial import keys, until

folder, url, email = sys.argv[1:]
http = httpx.Client(base_url=f"{url}/fides/api/v1", timeout=30)
form = {"grant_type": "client_credentials", "client_id": "trial", "client_secret": keys(folder)["fides"]}
token = http.post("/oauth/token", data=form).raise_for_status().json()["access_token"]
http.headers["Authorization"] = f"Bearer {token}"
item = {"identity": {"email": email}, "policy_key": "default_access_policy"}
made = http.post("/privacy-request/authenticated", json=[item]).raise_for_status().json()
(request,) = made["succeeded"]
print("made", request["id"], request["status"])


def final() -> str | None:
    """Return the status once it is final."""
    page = http.post("/privacy-request/search", json={"request_id": request["id"]}).raise_for_status().json()
    status = str(page["items"][0]["status"])
    return status if status in {"complete", "denied", "canceled", "error"} else None


print("status", until(final))
