"""Submits a request with the generated client, and follows it: ``python follow.py REFERENCE EMAIL RIGHT``."""

import os
import sys
import time

from habeas_intake_client import AuthenticatedClient
from habeas_intake_client.api.requests import get_request, submit_request
from habeas_intake_client.models import Lodged, RequestForm, Right, StatusPage, Subject

UNDER_WAY = {"submitted", "received", "verified"}
"""Statuses in which nothing is expected of the person or the staff."""


def main(reference: str, email: str, right: str) -> None:
    """Print the id, and the status once the request is answered or waits."""
    token, url = os.environ["HABEAS_API_KEY"], os.environ["HABEAS_URL"]
    with AuthenticatedClient(base_url=url, token=token) as client:
        body = RequestForm(reference=reference, right=Right(right), subject=Subject(email=email))
        lodged = submit_request.sync(client=client, body=body)
        if not isinstance(lodged, Lodged):
            sys.exit(f"not submitted: {lodged}")
        print(lodged.id)
        page = get_request.sync(lodged.id, client=client)
        while isinstance(page, StatusPage) and page.status in UNDER_WAY:
            time.sleep(0.2)
            page = get_request.sync(lodged.id, client=client)
        print(page.status if isinstance(page, StatusPage) else page)


if __name__ == "__main__":
    main(*sys.argv[1:])
