"""ftps_server.py PORT CERTIFICATE KEY: pyftpdlib with TLS on both connections, for the laboratory's users."""

import sys
from pathlib import Path

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import TLS_FTPHandler
from pyftpdlib.servers import FTPServer

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from lab import USERS

port, certificate, key = sys.argv[1:]


class Handler(TLS_FTPHandler):
    certfile = certificate
    keyfile = key
    tls_control_required = True
    tls_data_required = True
    passive_ports = range(30600, 30900)
    authorizer = DummyAuthorizer()


for user, password in USERS.items():
    Handler.authorizer.add_user(user, password, f"/home/{user}", perm="elradfmw")
FTPServer(("::", int(port)), Handler).serve_forever()
