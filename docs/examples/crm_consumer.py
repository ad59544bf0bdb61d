"""A CRM's end of the feed: keeps the newest revision of every event, forgets whom it is told to forget.

pip install standardwebhooks;  WEBHOOK_SECRET=whsec_... python crm_consumer.py 9000 crm.db
"""

import json
import os
import sqlite3
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

from standardwebhooks import Webhook, WebhookVerificationError

PURPOSE = {"visit": "position", "path": "position", "car": "parking"}
webhook, db = Webhook(os.environ["WEBHOOK_SECRET"]), sqlite3.connect(sys.argv[2], isolation_level=None)
db.execute("CREATE TABLE IF NOT EXISTS events (id TEXT PRIMARY KEY, revision, member, purpose, event)")


def take(event: dict) -> None:  # type: ignore[type-arg]
    """Write an event down; doing it twice changes nothing."""
    if event["type"] == "io.mallsense.member.withdrawn.v1":
        for purpose in event["data"]["purposes"]:
            db.execute(
                "DELETE FROM events WHERE member = ? AND purpose = ?", (event["data"]["member"], purpose)
            )
    else:
        purpose = PURPOSE.get(event["type"].split(".")[2])
        db.execute(
            "INSERT INTO events VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET revision ="
            " excluded.revision, member = excluded.member, event = excluded.event"
            " WHERE excluded.revision > revision",
            (event["id"], event["revision"], event.get("member"), purpose, json.dumps(event)),
        )


class Receiver(BaseHTTPRequestHandler):
    """Answers 204 once an event is on disk, and 401 to what is not the gateway's or too old."""

    def do_POST(self) -> None:
        """Check the signature, then take the event."""
        body = self.rfile.read(int(self.headers["content-length"]))
        try:
            take(webhook.verify(body, dict(self.headers)))
        except (WebhookVerificationError, ValueError):
            self.send_response(401)
        else:
            self.send_response(204)
        self.end_headers()


HTTPServer.request_queue_size = 64
HTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
