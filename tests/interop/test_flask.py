"""A receiver of webhooks as the guide makes one: a few lines of Flask, which print what is posted; here Debian's Flask and Python."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.claims import claims
from tests.server.espf import EspfCase

PYTHON = "/usr/bin/python3"
RECEIVER = """
from flask import Flask, request
receiver = Flask("receiver")

@receiver.route("/test", methods=["GET", "POST"])
def told():
    print(request.content_type, request.get_data().decode(), flush=True)
    return "<h1>OK</h1>"

receiver.run(host="127.0.0.1", port=0)
"""


class FlaskTests(EspfCase):
    """The receiver is a process that nobody here wrote but for its lines."""

    timeout = 240

    @claims("webhooks.1")
    async def test_guide_receiver(self) -> None:
        """It starts at a free port, and prints what happened to the account, body by body, as the guide shows it."""
        folder = Path(self.mktemp()).absolute()
        folder.mkdir(parents=True)
        (folder / "receiver.py").write_text(RECEIVER)
        self.printed = folder / "printed.log"
        with open(self.printed, "wb") as log:
            receiver = subprocess.Popen([PYTHON, "receiver.py"], cwd=folder, stdout=log, stderr=log, env={"PATH": os.environ["PATH"]})
        self.addCleanup(receiver.wait)
        self.addCleanup(receiver.kill)
        await self.until(lambda: "Running on http" in self.said() or receiver.poll() is not None)
        self.assertIsNone(receiver.poll(), f"python3-flask is not installed (.ci/packages lists what these tests need): {self.said()}")
        port = self.said().partition("Running on http://127.0.0.1:")[2].split()[0]
        await self.begin(f"guide: {{{{class: EventSender, environment: 1, url: 'http://127.0.0.1:{port}/test', allow_private: true}}}}")
        await self.enable("guide", "Account/ID/Changed", "Account/Blocked")
        await self.operate("account.change", id="10086610975", rename="10086610976")
        await self.operate("account.block", id="10086610976")
        await self.quiet()
        told = [line for line in self.said().splitlines() if line.startswith("application/json")]
        numbers = [number for (number,) in await self.db.query("select i_event from event_history where status = 'done' order by i_event")]
        changed = '"i_env":"1","i_account":"101","prev_id":"10086610975","curr_id":"10086610976"'
        self.assertEqual(told, [
            f'application/json {{"event_type":"Account/ID/Changed","variables":{{"i_event":"{numbers[0]}",{changed}}}}}',
            f'application/json {{"event_type":"Account/Blocked","variables":{{"i_event":"{numbers[1]}","i_env":"1","i_account":"101"}}}}',
        ])  # fmt: skip

    def said(self) -> str:
        """What the receiver has printed."""
        return self.printed.read_text()
