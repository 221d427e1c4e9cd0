// Link types that hold no IP packets: known, and refused by a reason of their own. Where such a bus carries a
// network adapter (USB, Bluetooth), its frames are pieces of transfers, not packets.
#include "parse/linktype.hpp"

namespace flowglyph {
namespace {

LinkResult noIp(Bytes, std::size_t, LinkNotes&) { return skip(SkipReason::kLinktypeWithoutIp); }

constexpr Linktype kRows[] = {
    {139, "MTP2_WITH_PHDR", noIp},
    {140, "MTP2", noIp},
    {141, "MTP3", noIp},
    {142, "SCCP", noIp},
    {165, "BACNET_MS_TP", noIp},
    {177, "LINUX_LAPD", noIp},
    {186, "USB_FREEBSD", noIp},
    {187, "BLUETOOTH_HCI_H4", noIp},
    {189, "USB_LINUX", noIp},
    {190, "CAN20B", noIp},
    {191, "IEEE802_15_4_LINUX", noIp},
    {195, "IEEE802_15_4_WITHFCS", noIp},  // 6LoWPAN compresses headers away
    {199, "IPMB_KONTRON", noIp},
    {201, "BLUETOOTH_HCI_H4_WITH_PHDR", noIp},
    {209, "IPMB_LINUX", noIp},
    {210, "FLEXRAY", noIp},
    {211, "MOST", noIp},
    {212, "LIN", noIp},
    {215, "IEEE802_15_4_NONASK_PHY", noIp},
    {220, "USB_LINUX_MMAPPED", noIp},
    {227, "CAN_SOCKETCAN", noIp},
    {230, "IEEE802_15_4_NOFCS", noIp},
    {231, "DBUS", noIp},
    {235, "DVB_CI", noIp},
    {245, "NFC_LLCP", noIp},
    {249, "USBPCAP", noIp},
    {251, "BLUETOOTH_LE_LL", noIp},
    {253, "NETLINK", noIp},
    {254, "BLUETOOTH_LINUX_MONITOR", noIp},
    {255, "BLUETOOTH_BREDR_BB", noIp},
    {256, "BLUETOOTH_LE_LL_WITH_PHDR", noIp},
    {264, "ISO_14443", noIp},
    {266, "USB_DARWIN", noIp},
    {270, "LORATAP", noIp},
    {271, "VSOCK", noIp},
    {272, "NORDIC_BLE", noIp},
    {283, "IEEE802_15_4_TAP", noIp},
    {288, "USB_2_0", noIp},
    {293, "USB_2_0_LOW_SPEED", noIp},
    {294, "USB_2_0_FULL_SPEED", noIp},
    {295, "USB_2_0_HIGH_SPEED", noIp},
};

}  // namespace

std::span<const Linktype> foreignLinktypes() { return kRows; }

}  // namespace flowglyph
