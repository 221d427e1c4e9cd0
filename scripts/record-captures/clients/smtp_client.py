"""smtp_client.py AUTHORITY HOST PORT GREETING COPIES SENDER RECEIVER...: sends the mail on stdin after STARTTLS."""

import smtplib
import ssl
import sys

authority, host, port, greeting, copies, sender, *receivers = sys.argv[1:]
mail = sys.stdin.read()
with smtplib.SMTP(host, int(port), local_hostname=greeting, timeout=10) as connection:
    connection.starttls(context=ssl.create_default_context(cafile=authority))
    for _ in range(int(copies)):
        connection.sendmail(sender, receivers, mail)
