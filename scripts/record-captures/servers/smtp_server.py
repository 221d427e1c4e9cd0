"""smtp_server.py PORT CERTIFICATE KEY: takes mail after STARTTLS and drops it."""

import asyncio
import ssl
import sys
from pathlib import Path

from aiosmtpd.handlers import Sink
from aiosmtpd.smtp import SMTP

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from lab import server_names

port, certificate, key = sys.argv[1:]


class NamedServer(SMTP):
    """Greets with the name of the address that the client has reached."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        address = transport.get_extra_info("sockname")[0].removeprefix("::ffff:")
        self.hostname = server_names().get(address, self.hostname)
        super().connection_made(transport)


async def main() -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    server = await asyncio.get_running_loop().create_server(
        lambda: NamedServer(Sink(), hostname="relay", tls_context=context, require_starttls=True,
                            enable_SMTPUTF8=True), None, int(port))
    await server.serve_forever()


asyncio.run(main())
