"""Counts packets and bidirectional TCP and UDP 5-tuples of a classic pcap file of Ethernet frames. It shares no
code with flowglyph and reads only what the recorder writes, so that flowglyph's own counts can be held against it."""

import struct
import sys
from pathlib import Path

ETHERTYPE_IPV4, ETHERTYPE_IPV6, TCP, UDP = 0x0800, 0x86DD, 6, 17


def count(path: Path) -> dict[str, int]:
    """{packets, tcp, udp, other}: records read, 5-tuples of each protocol, records that are neither."""
    data = path.read_bytes()
    magic, _major, _minor, _zone, _sigfigs, _snaplen, link = struct.unpack_from("<IHHiIII", data, 0)
    if magic != 0xA1B2C3D4 or link != 1:
        raise ValueError(f"{path}: expected a little-endian microsecond pcap of Ethernet, got {magic:#x}, link type {link}")
    offset, packets, other, tuples = 24, 0, 0, {TCP: set(), UDP: set()}
    while offset < len(data):
        _seconds, _micros, captured, original = struct.unpack_from("<IIII", data, offset)
        frame = data[offset + 16 : offset + 16 + captured]
        if captured != original or len(frame) != captured:
            raise ValueError(f"{path}: record at byte {offset} holds {len(frame)} of {original} bytes")
        offset += 16 + captured
        packets += 1
        ethertype = struct.unpack_from("!H", frame, 12)[0]
        if ethertype == ETHERTYPE_IPV4:
            protocol, source, target, start = frame[23], frame[26:30], frame[30:34], 14 + 4 * (frame[14] & 15)
        elif ethertype == ETHERTYPE_IPV6:
            protocol, source, target, start = frame[20], frame[22:38], frame[38:54], 54
        else:
            protocol, source, target, start = 0, b"", b"", 0
        if protocol not in tuples:
            other += 1
            continue
        source_port, target_port = struct.unpack_from("!HH", frame, start)
        tuples[protocol].add(frozenset(((source, source_port), (target, target_port))))
    return {"packets": packets, "tcp": len(tuples[TCP]), "udp": len(tuples[UDP]), "other": other}


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(name, count(Path(name)))
