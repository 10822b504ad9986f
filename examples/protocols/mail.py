"""
A person writes to the privacy mailbox, and a mail program unsubscribes.

Usage: mail.py FOLDER URL EMAIL.
"""

import smtplib
import sys
from email.message import EmailMessage

import httpx
from trial import ADDRESS, keys

folder, url, email = sys.argv[1:]
known = keys(folder)
mail = EmailMessage()
mail["From"], mail["To"], mail["Subject"] = email, ADDRESS, "My data"
mail.set_content("Please send me a copy of all data that you store about me.\n")
with smtplib.SMTP("127.0.0.1", known["ports"]["inbox"]) as server:
    server.send_message(mail)
print("mail delivered")

mailer = {"Authorization": f"Bearer {known['mailer']}"}
with httpx.Client(base_url=url, headers=mailer, timeout=30) as http:
    made = http.post("/v1/unsubscribe-links", json={"email": email, "list": "News"}).raise_for_status().json()
    print("List-Unsubscribe:", made["headers"]["List-Unsubscribe"])
    # As a mail program does (RFC 8058); its browser signal opts the person out of sale, too.
    click = {"List-Unsubscribe": "One-Click"}
    answer = http.post(made["url"], data=click, headers={"Sec-GPC": "1"})
    print("unsubscribed", answer.raise_for_status().status_code)
