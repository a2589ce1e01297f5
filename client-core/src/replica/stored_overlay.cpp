#include "replica/stored_overlay.hpp"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include "replica/damaged_copy.hpp"
#include "tern/protocol/zstd.hpp"
#include "tern/v1/ticket.pb.h"

namespace tern::client {
namespace {

/// Of an encoded state, without reading the rest of it.
Result<std::string> description_of(ByteView state) {
  using google::protobuf::internal::WireFormatLite;
  constexpr std::uint32_t wanted = WireFormatLite::MakeTag(v1::TicketStateMessage::kDescriptionFieldNumber,
                                                           WireFormatLite::WIRETYPE_LENGTH_DELIMITED);
  google::protobuf::io::CodedInputStream in(reinterpret_cast<const std::uint8_t*>(state.data()),
                                            static_cast<int>(state.size()));
  std::string description;
  for (;;) {
    const std::uint32_t tag = in.ReadTag();
    if (tag == 0) break;
    std::uint32_t size = 0;
    const bool good = tag == wanted ? in.ReadVarint32(&size) && in.ReadString(&description, static_cast<int>(size))
                                    : WireFormatLite::SkipField(&in, tag);
    if (!good) return damaged_copy("a ticket");
  }
  if (!in.ConsumedEntireMessage()) return damaged_copy("a ticket");
  return description;
}

}  // namespace

Bytes pack_overlay(ByteView state, ByteView overlay) {
  if (state.empty() || overlay.empty()) return Bytes(overlay);
  const auto confirmed = description_of(state), shown = description_of(overlay);
  if (!confirmed || !shown || *confirmed != *shown) return Bytes(overlay);
  return protocol::compress_against(state, overlay);
}

Result<Bytes> unpack_overlay(ByteView state, ByteView packed) {
  if (!protocol::is_compressed(packed)) return Bytes(packed);
  return of_copy(protocol::decompress_against(state, packed));
}

Result<std::string> shown_description(ByteView state, ByteView packed) {
  return description_of(packed.empty() || protocol::is_compressed(packed) ? state : packed);
}

}  // namespace tern::client
