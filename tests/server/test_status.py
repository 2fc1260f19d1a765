"""/healthz, /readyz and /metrics from the first moment of a server to its last, and what a supervisor is told."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import ssl
import sys
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import DatagramProtocol, ProcessProtocol
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase
from twisted.web.client import Agent, HTTPConnectionPool, readBody

from portaswitch.config.settings import load_text
from portaswitch.errors import StartError
from portaswitch.service import Server
from tests.server.database import fresh_database, new_state_dir

ROOT = Path(__file__).parents[2]
_reactor: Any = reactor


def free_port() -> int:
    """A TCP port that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def page(port: int, path: str) -> tuple[int, str]:
    """Status and text of a page."""
    response = await Agent(_reactor, pool=HTTPConnectionPool(_reactor, persistent=False)).request(b"GET", f"http://127.0.0.1:{port}{path}".encode())
    return response.code, (await readBody(response)).decode()


def said(port: int, context: ssl.SSLContext | None) -> str:
    """The status of /readyz over TLS, whose certificate is checked, or in the clear without a context. Blocks."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as plain:
        connection: Any = plain if context is None else context.wrap_socket(plain, server_hostname="127.0.0.1")
        connection.sendall(b"GET /readyz HTTP/1.0\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
        if not answer.startswith(b"HTTP/"):
            raise OSError("this is no answer")
        return answer.decode().split("\r\n")[0]


class StatusTests(TestCase):
    """A server with the roles radius and http."""

    timeout = 180

    async def server(self, dsn: str) -> tuple[Server, int]:
        """A server that was told to start, and the port of its pages."""
        folder, port = new_state_dir(), free_port()
        self.addCleanup(shutil.rmtree, folder, True)
        server = Server(
            reactor,
            load_text(
                f"state_dir: {folder}\ndatabase: '{dsn}'\nroles: [radius, http]\nradius: {{auth_port: 0, acct_port: 0}}\n"
                f"http: {{listen: ['tcp:{port}:interface=127.0.0.1']}}\nlogging: {{directory: {folder}/log}}\n"
            ),
        )
        server.startService()
        return server, port

    async def test_from_start_to_end(self) -> None:
        """Ready while it serves; not ready, but alive, while it starts and while it drains; nobody there afterwards."""
        server, port = await self.server(await fresh_database())
        early = page(port, "/readyz")
        code, text = await early
        if not server.ready.called:
            self.assertEqual((code, text.partition(":")[0]), (503, "not ready"))
        await server.ready
        self.assertEqual(await page(port, "/readyz"), (200, "ready\n"))
        drained: Deferred[None] = Deferred()
        assert server.core is not None
        self.patch(server.core, "drained", lambda: drained)
        stopped = server.stopService()
        self.assertEqual(await page(port, "/healthz"), (200, "alive\n"))
        self.assertEqual(await page(port, "/readyz"), (503, "not ready: stopping: what was asked is finished, nothing new is taken\n"))
        drained.callback(None)
        await stopped
        with socket.socket() as probe:
            self.assertNotEqual(probe.connect_ex(("127.0.0.1", port)), 0)

    async def test_tls_and_shared(self) -> None:
        """A tls port speaks TLS and nothing else; with reuse_port two servers have one port, without it the second says that it is taken."""
        place, port = self.certificate(), free_port()
        address = f"tls:{port}:interface=127.0.0.1:certificate={place}/c.pem:key={place}/k.pem"
        dsn = await fresh_database()
        first = await self.listening(dsn, address, "reuse_port: true")
        context = ssl.create_default_context(cafile=f"{place}/c.pem")
        self.assertEqual(await deferToThread(said, port, context), "HTTP/1.0 200 OK")
        with self.assertRaises(OSError):
            await deferToThread(said, port, None)
        second = await self.listening(dsn, address, "reuse_port: true")
        await first.stopService()
        self.assertEqual(await deferToThread(said, port, context), "HTTP/1.0 200 OK")
        with self.assertRaises(StartError) as caught:
            await self.listening(dsn, f"tcp:{port}:interface=127.0.0.1", "reuse_port: false")
        self.assertIn(f"HTTP: tcp port {port} on 127.0.0.1 is taken", str(caught.exception))
        await second.stopService()

    def certificate(self) -> Path:
        """A folder with a certificate of 127.0.0.1 for some minutes, and its key."""
        folder = Path(self.mktemp())
        folder.mkdir()
        key, name, now = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")]), datetime.now(UTC)
        made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        made = made.not_valid_before(now - timedelta(minutes=5)).not_valid_after(now + timedelta(minutes=5))
        made = made.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        (folder / "c.pem").write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        (folder / "k.pem").write_bytes(key.private_bytes(pem, form, serialization.NoEncryption()))
        (folder / "k.pem").chmod(0o600)
        return folder.absolute()

    async def listening(self, dsn: str, address: str, reuse: str) -> Server:
        """A server with the role http alone, that serves."""
        folder = new_state_dir()
        self.addCleanup(shutil.rmtree, folder, True)
        text = f"state_dir: {folder}\ndatabase: '{dsn}'\nroles: [http]\n{reuse}\nhttp: {{listen: ['{address}']}}\nlogging: {{directory: {folder}/log}}\n"
        server = Server(reactor, load_text(text))
        server.startService()
        try:
            (line,) = await server.ready
        except StartError:
            await server.stopService()
            raise
        self.assertIn(f"on {address.partition(':')[0]} 127.0.0.1:", line)
        return server

    async def test_waits_for_a_database(self) -> None:
        """Without a database it is alive and not ready, for as long as it takes."""
        server, port = await self.server(f"host=127.0.0.1 port={free_port()} dbname=none connect_timeout=1")
        self.addCleanup(server.stopService)
        _ = server.ready.addErrback(lambda _: None)
        self.assertEqual(await page(port, "/healthz"), (200, "alive\n"))
        self.assertEqual(await page(port, "/readyz"), (503, "not ready: starting: the database, its schema or the catalogue is not there yet\n"))

    async def test_database_lost(self) -> None:
        """A server whose database went away says so, and stays alive."""
        server, port = await self.server(await fresh_database())
        self.addCleanup(server.stopService)
        await server.ready
        assert server._hot is not None
        await server._hot.close()
        self.assertEqual(await page(port, "/readyz"), (503, "not ready: no live connection to the database\n"))
        self.assertEqual((await page(port, "/healthz"))[0], 200)

    async def test_process(self) -> None:
        """The process's own figures are there, and plausible; what runs is told."""
        server, port = await self.server(await fresh_database())
        self.addCleanup(server.stopService)
        await server.ready
        code, text = await page(port, "/metrics")
        self.assertEqual(code, 200)
        told = {name: float(value) for name, value in re.findall(r"^(process_\w+) (\S+)$", text, re.M)}
        self.assertGreater(told["process_cpu_seconds_total"], 0)
        self.assertGreater(told["process_virtual_memory_bytes"], told["process_resident_memory_bytes"])
        self.assertGreater(told["process_resident_memory_bytes"], 10_000_000)
        self.assertGreater(told["process_max_fds"], told["process_open_fds"])
        self.assertGreater(told["process_open_fds"], 5)
        self.assertRegex(text, r'portaswitch_build_info\{version="[^"]+",build="(compiled|interpreted)",python="3\.[^"]+",twisted="[^"]+"\} 1')


class Listener(DatagramProtocol):
    """The socket that systemd would listen on."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.waiting: dict[str, Deferred[None]] = {}

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        """One state."""
        self.heard.append(datagram.decode())
        waiting = self.waiting.pop(datagram.decode(), None)
        if waiting is not None:
            waiting.callback(None)

    def state(self, state: str) -> Deferred[None]:
        """Fires when it is told (again)."""
        return self.waiting.setdefault(state, Deferred())


class Twistd(ProcessProtocol):
    """A `twistd portaswitch` of its own."""

    def __init__(self) -> None:
        self.ended: Deferred[tuple[int | None, int | None]] = Deferred()

    def processEnded(self, reason: Any) -> None:
        """The end: status, and the signal that it ended by."""
        self.ended.callback((reason.value.exitCode, reason.value.signal))


class SupervisorTests(TestCase):
    """The server as a unit of type notify."""

    timeout = 180

    async def test_told(self) -> None:
        """READY when its ports are open, WATCHDOG while it lives; SIGHUP opens the logs anew; STOPPING at SIGTERM."""
        folder, port, dsn = new_state_dir(), free_port(), await fresh_database()
        self.addCleanup(shutil.rmtree, folder, True)
        config = folder / "portaswitch.yaml"
        config.write_text(
            f"state_dir: {folder}\ndatabase: '{dsn}'\nroles: [radius, http]\nradius: {{auth_port: 0, acct_port: 0}}\n"
            f"http: {{listen: ['tcp:{port}:interface=127.0.0.1']}}\nlogging: {{directory: {folder}/log}}\n"
        )
        listener, process = Listener(), Twistd()
        opened = _reactor.listenUNIXDatagram(str(folder / "notify"), listener)
        self.addCleanup(opened.stopListening)
        environment = {**os.environ, "NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": "600000", "PYTHONPATH": str(ROOT)}
        words = [str(Path(sys.executable).with_name("twistd")), "--nodaemon", "--pidfile=", "portaswitch", "--config", str(config)]
        transport = _reactor.spawnProcess(process, words[0], words, environment, str(ROOT), childFDs={0: "w", 1: "r", 2: "r"})
        await listener.state("READY=1")
        self.assertEqual(await page(port, "/readyz"), (200, "ready\n"))
        await listener.state("WATCHDOG=1")
        log = folder / "log" / "portaswitch.log"
        log.rename(log.with_name("moved"))
        transport.signalProcess("HUP")
        await listener.state("WATCHDOG=1")
        stopping = listener.state("STOPPING=1")
        transport.signalProcess("TERM")
        await stopping
        self.assertEqual(await process.ended, (None, signal.SIGTERM))  # in order: Twisted repeats the signal at its end
        self.assertTrue(log.exists())
        self.assertEqual([state for state in listener.heard if state != "WATCHDOG=1"], ["READY=1", "STOPPING=1"])
