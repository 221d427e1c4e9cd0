#include "parse/linktype.hpp"

#include <vector>

namespace flowglyph {
namespace {

const std::vector<Linktype>& table() {
  static const std::vector<Linktype> kTable = [] {
    std::vector<Linktype> rows;
    for (const auto& family : {ethernetLinktypes(), hostLinktypes(), serialLinktypes(), wirelessLinktypes(),
                               rareLinktypes(), foreignLinktypes()})
      rows.insert(rows.end(), family.begin(), family.end());
    return rows;
  }();
  return kTable;
}

// Row index + 1 by number, 0 = none: captures of several link types ask once a record.
constexpr std::size_t kNumbers = 512;

std::array<std::uint8_t, kNumbers> indexRows() {
  std::array<std::uint8_t, kNumbers> rows{};
  for (std::size_t i = 0; i < table().size(); ++i) rows[table()[i].number] = static_cast<std::uint8_t>(i + 1);
  return rows;
}

}  // namespace

const Linktype* findLinktype(std::uint16_t number) {
  static const std::array<std::uint8_t, kNumbers> kRows = indexRows();
  if (number >= kNumbers || kRows[number] == 0) return nullptr;
  return &table()[kRows[number] - std::size_t{1}];
}

std::span<const Linktype> allLinktypes() { return table(); }

LinkResult linktypeAt(Bytes frame, std::uint32_t number, std::size_t offset, LinkNotes& notes) {
  if (notes.tooMany()) return skip(SkipReason::kNotIp);
  const Linktype* row = number < kNumbers ? findLinktype(static_cast<std::uint16_t>(number)) : nullptr;
  return row == nullptr ? skip(SkipReason::kUnknownLinktype) : row->findIp(frame, offset, notes);
}

}  // namespace flowglyph
