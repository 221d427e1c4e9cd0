"""ftps_client.py AUTHORITY HOST PORT USER PASSWORD SEED PATH put|get: one visit, with or without a look around."""

import ftplib
import random
import ssl
import sys
import time

authority, host, port, user, password, seed, path, action = sys.argv[1:]
rng = random.Random(seed)
context = ssl.create_default_context(cafile=authority)
if rng.random() < 0.3:
    context.maximum_version = ssl.TLSVersion.TLSv1_2


class Client(ftplib.FTP_TLS):
    def ntransfercmd(self, cmd: str, rest: int | None = None):
        connection, length = ftplib.FTP.ntransfercmd(self, cmd, rest)
        # Servers may ask that the data connection resumes the control connection's TLS session.
        return context.wrap_socket(connection, server_hostname=self.host, session=self.sock.session), length


with Client(context=context, timeout=10) as client:
    client.connect(host, int(port))
    client.login(user, password)
    client.prot_p()
    if rng.random() < 0.4:
        client.pwd()
    if rng.random() < 0.4:
        client.retrlines("LIST public", lambda _line: None)
    time.sleep(rng.uniform(0, 0.2))
    if action == "put":
        with open(path, "rb") as file:
            client.storbinary(f"STOR {path.rsplit('/', 1)[1]}", file)
    else:
        client.retrbinary(f"RETR {path}", lambda _bytes: None)
    client.quit()
