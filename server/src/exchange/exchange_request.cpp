#include "exchange/exchange_request.hpp"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include "exchange/held_tickets.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/v1/exchange.pb.h"

namespace tern::server {
namespace {

constexpr std::size_t pack_versions_max = 16;

// 64 sets and as many old receipts, 256 buckets one by one, 16 packs, and each of the others once, with room for those
// of later versions.
constexpr std::size_t request_fields_max = 512;

/// How many fields the message has, before any of them is given memory: an empty entry of a list takes two bytes on the
/// wire and forty here.
bool has_few_fields(ByteView message) {
  google::protobuf::io::CodedInputStream in(reinterpret_cast<const std::uint8_t*>(message.data()),
                                            static_cast<int>(message.size()));
  in.SetRecursionLimit(limits::protobuf_recursion_max);
  std::size_t fields = 0;
  while (const std::uint32_t tag = in.ReadTag()) {
    if (++fields > request_fields_max) return false;
    if (!google::protobuf::internal::WireFormatLite::SkipField(&in, tag)) return true;  // the parser says what is wrong
  }
  return true;
}

/// How much of each there is.
Result<void> check_counts(const v1::ExchangeRequest& request) {
  if (request.change_sets_size() > static_cast<int>(limits::sets_per_exchange_max))
    return fail(ErrorCode::too_large, "An exchange holds at most 64 change sets.", "", "change_sets");
  std::size_t old_receipt_bytes = 0;
  for (const auto& list : request.old_receipts()) old_receipt_bytes += list.size();
  if (request.old_receipts_size() > static_cast<int>(limits::sets_per_exchange_max) ||
      old_receipt_bytes > limits::old_receipts_bytes_max)
    return fail(ErrorCode::too_large, "The request holds more old receipts than are taken at once.", "",
                "old_receipts");
  if (request.want_buckets_size() > 256 || request.pack_versions_size() > static_cast<int>(pack_versions_max))
    return fail(ErrorCode::too_large, "The request asks for more than there is.", "", "want_buckets");
  return {};
}

}  // namespace

Result<std::unique_ptr<v1::ExchangeRequest>> parse_request(ByteView message) {
  if (!has_few_fields(message))
    return fail(ErrorCode::too_large, "An exchange holds at most 64 change sets.", "", "change_sets");
  auto request = std::make_unique<v1::ExchangeRequest>();
  google::protobuf::io::CodedInputStream in(reinterpret_cast<const std::uint8_t*>(message.data()),
                                            static_cast<int>(message.size()));
  in.SetRecursionLimit(limits::protobuf_recursion_max);
  if (!request->ParseFromCodedStream(&in) || !in.ConsumedEntireMessage())
    return fail(ErrorCode::malformed, "The message is no exchange request.");
  TERN_CHECKED(check_counts(*request));
  TERN_CHECKED(check_held(request->held()));
  return request;
}

bool takes_packing_against(ByteView request) {
  using google::protobuf::internal::WireFormatLite;
  constexpr std::uint32_t wanted =
      WireFormatLite::MakeTag(v1::ExchangeRequest::kPackedAgainstRequestFieldNumber, WireFormatLite::WIRETYPE_VARINT);
  google::protobuf::io::CodedInputStream in(reinterpret_cast<const std::uint8_t*>(request.data()),
                                            static_cast<int>(request.size()));
  std::size_t fields = 0;
  while (const std::uint32_t tag = in.ReadTag()) {
    std::uint32_t value = 0;
    if (tag == wanted) return in.ReadVarint32(&value) && value != 0;
    if (++fields > request_fields_max || !WireFormatLite::SkipField(&in, tag)) return false;
  }
  return false;
}

}  // namespace tern::server
