#include "tern/protocol/ledger_export.hpp"

#include "tern/protocol/crypto.hpp"

namespace tern::protocol {
namespace {

constexpr std::string_view sum_begins = ",\"sum\":\"";
constexpr std::string_view sum_ends = "\"}";
constexpr std::size_t sum_bytes = sum_begins.size() + 2 * Hash::size_bytes + sum_ends.size();

Hash next_sum(const Hash& before, std::string_view content) {
  return Hasher("TRN1-XLINE").add(before.view()).add(content).finish();
}

tl::unexpected<Error> differs(std::string message, std::string field) {
  return fail(ErrorCode::verification_failed, std::move(message), {}, std::move(field));
}

}  // namespace

void LedgerExportEnd::write(ByteWriter& writer) const {
  writer.id(tenant).id(head.epoch).u64(head.size).id(head.root).u64(lines).id(sum).i64(time_ms);
}

LedgerExportEnd LedgerExportEnd::read(ByteReader& reader) {
  LedgerExportEnd out;
  out.tenant = reader.id<TenantId>("tenant_id");
  out.head.epoch = reader.id<EpochId>("epoch");
  out.head.size = reader.u64("size");
  out.head.root = reader.id<Hash>("root");
  out.lines = reader.u64("lines");
  out.sum = reader.id<Hash>("sum");
  out.time_ms = reader.i64("time_ms");
  return out;
}

std::string ExportLines::close(const Json& line) {
  Json numbered = Json::object({{"n", Json(lines_ + 1)}});
  for (const auto& [name, value] : line.members()) numbered.append_member(name, value);
  std::string text = to_text(numbered);
  text.pop_back();  // its brace
  sum_ = next_sum(sum_, text);
  ++lines_;
  return text.append(sum_begins).append(to_hex(sum_)).append(sum_ends) + "\n";
}

Result<Json> ExportLineCheck::open(std::string_view line) {
  if (line.size() > export_line_bytes_max)
    return fail(ErrorCode::too_large, "it is longer than a line may be", {}, "n");
  const std::size_t content = line.size() < sum_bytes ? 0 : line.size() - sum_bytes;
  const bool formed = content != 0 && line.substr(content, sum_begins.size()) == sum_begins && line.ends_with(sum_ends);
  if (!formed) return fail(ErrorCode::invalid, "it is no line of an export, or it was cut", {}, "sum");
  JsonLimits limits;
  limits.depth_max = 8;
  limits.bytes_max = export_line_bytes_max;
  const Hash sum = next_sum(sum_, line.substr(0, content));
  const bool sums = line.substr(content + sum_begins.size(), 2 * Hash::size_bytes) == to_hex(sum);
  auto parsed = parse_json(line, limits);
  if (parsed && parsed->is_object()) {
    const std::int64_t number = (*parsed)["n"].as_integer(-1);
    if (number >= 0 && static_cast<std::uint64_t>(number) > lines_ + 1)
      return differs(
          "line " + std::to_string(lines_ + 1) + " is missing: the next one has the number " + std::to_string(number),
          "n");
    if (number != static_cast<std::int64_t>(lines_ + 1)) return differs("its number is another one", "n");
  }
  if (!sums) return differs("it is not the line that was written: its sum is another one", "sum");
  if (!parsed) return tl::unexpected(std::move(parsed).error());
  if (!parsed->is_object()) return fail(ErrorCode::invalid, "it is no JSON object", {}, "sum");
  ++lines_;
  sum_ = sum;
  return std::move(*parsed);
}

}  // namespace tern::protocol
