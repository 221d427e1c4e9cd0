"""One nginx for the web classes: the same pages on ports that differ in TLS version, certificate and HTTP version."""

from functools import cache
from random import Random

from content import blob, page, records, size, text
from lab import RUN, Lab

ANY, ONLY_12, ONLY_13 = 443, 8443, 9443  # HTTP/1.1; the number of a port tells nothing, classes share ANY
H2, H2_SLOW, H2_ONLY_13 = 444, 4443, 9444
WEBSOCKET, WEBSOCKET_BACKEND = 8444, 8700
TLS_BOTH = "TLSv1.2 TLSv1.3"
#        port, certificate, TLS versions, HTTP/2, extra directives
SITES = (
    (ANY, 0, TLS_BOTH, False, ""),
    (ONLY_12, 1, "TLSv1.2", False, "ssl_session_tickets off;"),
    (ONLY_13, 2, "TLSv1.3", False, ""),
    (H2, 1, TLS_BOTH, True, ""),
    (H2_SLOW, 2, TLS_BOTH, True, "limit_rate 24k;"),
    (H2_ONLY_13, 0, "TLSv1.3", True, ""),
)

PAGES = tuple(f"/page-{n}.html" for n in range(12))
ASSETS = (tuple(f"/style-{n}.css" for n in range(4)) + tuple(f"/image-{n}.webp" for n in range(12))
          + tuple(f"/data-{n}.json" for n in range(8)))
STREAMS, SEGMENTS = 5, 12


def fill(root) -> None:
    rng = Random("www")
    (root / "live").mkdir(parents=True)
    for name in PAGES:
        (root / name[1:]).write_bytes(page(rng, size(rng, 300, 4000)))
    for name in ASSETS:
        length = size(rng, 150, 2800)
        data = blob(rng, length) if name.endswith("webp") else (
            records(rng, length) if name.endswith("json") else text(rng, length).encode())
        (root / name[1:]).write_bytes(data)
    for stream in range(STREAMS):
        rate = 250 + 250 * stream  # the bytes of a segment follow the stream's bit rate
        names = [f"stream-{stream}-{n}.ts" for n in range(SEGMENTS)]
        for name in names:
            (root / "live" / name).write_bytes(blob(rng, int(rate * rng.uniform(0.6, 1.4))))
        (root / "live" / f"stream-{stream}.m3u8").write_text("#EXTM3U\n" + "".join(f"#EXTINF:2,\n{n}\n" for n in names))


@cache
def start(lab: Lab) -> None:
    root = RUN / "www"
    fill(root)
    sites = ""
    for port, number, versions, h2, extra in SITES:
        protocol = " http2" if h2 else ""
        sites += f"""
  server {{
    listen {port} ssl{protocol}; listen [::]:{port} ssl{protocol};
    ssl_certificate {lab.certificates[number].certificate}; ssl_certificate_key {lab.certificates[number].key};
    ssl_protocols {versions}; {extra}
    root {root};
    location /form {{ return 200 "accepted\\n"; }}
  }}"""
    number = 3
    configuration = f"""
daemon off; user root; worker_processes 1; pid {RUN}/nginx.pid; error_log stderr;
events {{ worker_connections 256; }}
http {{
  access_log off; default_type application/octet-stream; include /etc/nginx/mime.types;
  gzip on; gzip_types text/css application/json; keepalive_timeout 5; client_body_temp_path {RUN}/nginx-body;
  proxy_temp_path {RUN}/nginx-proxy; fastcgi_temp_path {RUN}/nginx-f; uwsgi_temp_path {RUN}/nginx-u;
  scgi_temp_path {RUN}/nginx-s;{sites}
  server {{
    listen {WEBSOCKET} ssl; listen [::]:{WEBSOCKET} ssl;
    ssl_certificate {lab.certificates[number].certificate}; ssl_certificate_key {lab.certificates[number].key};
    location / {{
      proxy_pass http://127.0.0.1:{WEBSOCKET_BACKEND}; proxy_http_version 1.1; proxy_set_header Host $host;
      proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;
    }}
  }}
}}
"""
    path = RUN / "conf" / "nginx.conf"
    path.write_text(configuration)
    lab.serve("nginx", "nginx", "-e", "stderr", "-c", str(path))
    lab.await_ports(*(site[0] for site in SITES), WEBSOCKET)
