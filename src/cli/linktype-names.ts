// Names of link types for people, as in the tcpdump group's list of LINKTYPE_ values. Only the commonest: the number is
// always printed beside it.
const NAMES: Readonly<Record<number, string>> = {
  0: "NULL",
  1: "Ethernet",
  6: "IEEE 802.5",
  7: "ARCNET",
  8: "SLIP",
  9: "PPP",
  10: "FDDI",
  12: "raw IP",
  14: "raw IP",
  50: "PPP HDLC",
  51: "PPPoE",
  100: "ATM RFC 1483",
  101: "raw IP",
  104: "Cisco HDLC",
  105: "IEEE 802.11",
  107: "Frame Relay",
  108: "OpenBSD loopback",
  113: "Linux cooked v1",
  127: "IEEE 802.11 radiotap",
  147: "user 0",
  187: "Bluetooth HCI H4",
  189: "USB",
  192: "PPI",
  195: "IEEE 802.15.4",
  220: "USB",
  228: "raw IPv4",
  229: "raw IPv6",
  276: "Linux cooked v2",
};

/** A link type's number with its name, where we have one: "1 (Ethernet)". */
export function linktypeText(number: number): string {
  const name = NAMES[number];
  return name === undefined ? String(number) : `${number} (${name})`;
}
