"""telephone.py SECONDS COMMAND...: runs a telephone until its call has lasted SECONDS, then hangs up by SIGINT."""

import select
import signal
import subprocess
import sys
import time

seconds, *argv = sys.argv[1:]
telephone = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
deadline = time.monotonic() + 10
output = b""
while b"Call established" not in output:
    left = deadline - time.monotonic()
    if left <= 0 or telephone.poll() is not None:
        telephone.kill()
        sys.exit(f"no call was established: {output.decode(errors='replace')}")
    if select.select([telephone.stdout], [], [], left)[0]:
        output += telephone.stdout.read1(4096)
time.sleep(float(seconds))
telephone.send_signal(signal.SIGINT)
telephone.communicate(timeout=10)
