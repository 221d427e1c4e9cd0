// See tables.hpp.
#include "tables.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "parse/layer.hpp"
#include "parse/linktype.hpp"
#include "parse/protocol_set.hpp"
#include "parse/skip_reason.hpp"
#include "parse/tunnel.hpp"

namespace flowglyph::napi {
namespace {

Napi::String text(Napi::Env env, std::string_view value) {
  return Napi::String::New(env, value.data(), value.size());
}

void set(Napi::Object& object, std::string_view name, std::uint64_t value) {
  object.Set(text(object.Env(), name), static_cast<double>(value));
}

Napi::Array textArray(Napi::Env env, std::span<const std::string_view> values) {
  auto array = Napi::Array::New(env, values.size());
  for (std::uint32_t i = 0; i < values.size(); ++i) array.Set(i, text(env, values[i]));
  return array;
}

std::string_view typeName(ColumnType type) {
  switch (type) {
    case ColumnType::kU8:
      return "u8";
    case ColumnType::kU16:
      return "u16";
    case ColumnType::kU32:
      return "u32";
    case ColumnType::kI64:
      return "i64";
    case ColumnType::kU64:
      return "u64";
  }
  return "unknown";
}

Napi::Object fragmentsObject(Napi::Env env, const FragmentTotals& fragments) {
  auto object = Napi::Object::New(env);
  set(object, "datagrams", fragments.datagrams);
  set(object, "incomplete", fragments.incomplete);
  set(object, "evicted", fragments.evicted);
  set(object, "overlapping", fragments.overlapping);
  set(object, "duplicates", fragments.duplicates);
  return object;
}

}  // namespace

Napi::Object summaryObject(Napi::Env env, const ExtractSummary& summary) {
  auto object = Napi::Object::New(env);
  set(object, "packets", summary.packets);
  set(object, "sessionPackets", summary.sessionPackets);
  set(object, "bytesRead", summary.source.bytesRead);
  set(object, "totalBytes", summary.source.totalBytes);
  set(object, "shortenedSessions", summary.shortenedSessions);
  set(object, "peakSessions", summary.peakSessions);
  set(object, "retransmissions", summary.retransmissions);
  set(object, "outOfOrder", summary.outOfOrder);
  set(object, "gaps", summary.gaps);
  object.Set("truncated", summary.source.truncated);
  object.Set("fragments", fragmentsObject(env, summary.fragments));

  auto linktypes = Napi::Array::New(env, summary.source.linktypes.size());
  for (std::uint32_t i = 0; i < summary.source.linktypes.size(); ++i)
    linktypes.Set(i, static_cast<double>(summary.source.linktypes[i]));
  object.Set("linktypes", linktypes);
  auto records = Napi::Array::New(env, summary.linktypeRecords.size());
  for (std::uint32_t i = 0; i < summary.linktypeRecords.size(); ++i) {
    auto row = Napi::Object::New(env);
    set(row, "linktype", summary.linktypeRecords[i].first);
    set(row, "records", summary.linktypeRecords[i].second);
    records.Set(i, row);
  }
  object.Set("linktypeRecords", records);

  auto sessions = Napi::Array::New(env);
  for (std::size_t protocol = 0; protocol < summary.sessions.size(); ++protocol) {
    if (summary.sessions[protocol] == 0) continue;
    auto row = Napi::Object::New(env);
    set(row, "protocol", protocol);
    set(row, "sessions", summary.sessions[protocol]);
    sessions.Set(sessions.Length(), row);
  }
  object.Set("sessions", sessions);

  auto ended = Napi::Object::New(env);
  for (std::size_t i = 0; i < kEndReasons; ++i) set(ended, kEndReasonNames[i], summary.ended[i]);
  object.Set("ended", ended);
  auto layers = Napi::Object::New(env);
  for (std::size_t i = 0; i < kLayers; ++i)
    if (summary.layers[i] != 0) set(layers, kLayerNames[i], summary.layers[i]);
  object.Set("layers", layers);
  auto skipped = Napi::Object::New(env);
  for (const auto& [reason, count] : summary.skipped) set(skipped, reason, count);
  object.Set("skipped", skipped);

  auto warnings = Napi::Array::New(env, summary.source.warnings.size());
  for (std::uint32_t i = 0; i < summary.source.warnings.size(); ++i)
    warnings.Set(i, summary.source.warnings[i]);
  object.Set("warnings", warnings);
  return object;
}

Napi::Array columnsArray(Napi::Env env, const BatchLayout& layout) {
  auto columns = Napi::Array::New(env, kColumns);
  for (std::uint32_t i = 0; i < kColumns; ++i) {
    auto row = Napi::Object::New(env);
    row.Set("name", text(env, kColumnTable[i].name));
    row.Set("type", text(env, typeName(kColumnTable[i].type)));
    set(row, "width", layout.width(static_cast<Column>(i)));
    set(row, "offset", layout.offsets[i]);
    columns.Set(i, row);
  }
  return columns;
}

Napi::Object namesObject(Napi::Env env) {
  auto object = Napi::Object::New(env);
  object.Set("endReasons", textArray(env, kEndReasonNames));
  object.Set("layers", textArray(env, kLayerNames));
  object.Set("tunnels", textArray(env, kTunnelNames));
  // kNone and kFragment are never counted.
  object.Set("skipReasons", textArray(env, std::span(kSkipReasonNames).subspan(1, kSkipReasons - 2)));
  auto protocols = Napi::Object::New(env);
  for (const auto& [name, number] : kNamedProtocols) set(protocols, name, number);
  object.Set("protocols", protocols);
  auto linktypes = Napi::Object::New(env);
  for (const Linktype& linktype : allLinktypes()) linktypes.Set(linktype.number, text(env, linktype.name));
  object.Set("linktypes", linktypes);
  return object;
}

}  // namespace flowglyph::napi
