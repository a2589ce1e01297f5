#include "keys/kept_certificate.hpp"

#include "exchange/sync_state.hpp"
#include "keys/secure_file.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/protocol/statements.hpp"

namespace tern::client {
namespace {

constexpr protocol::Tag tag_kept_certificate{"TRN1-DC\0", 8};
constexpr std::uint8_t kept_version = 1;
constexpr std::string_view kept_domain = "TRN1-DEVCERT";

Bytes encode_kept(ByteView certificate) {
  protocol::ByteWriter writer;
  writer.raw(tag_kept_certificate).u8(kept_version).sized(certificate);
  return writer.id(protocol::hash(kept_domain, writer.bytes())).take();
}

/// The signature was checked before it was written.
Result<Bytes> read_kept(const HomePaths& paths) {
  TERN_TRY(const Bytes content, read_private_file(paths.certificate, 2 * protocol::statement_bytes_max));
  if (content.size() < Hash::size_bytes) return fail(ErrorCode::corrupt, paths.certificate + " is cut");
  const ByteView body = ByteView(content).substr(0, content.size() - Hash::size_bytes);
  if (protocol::hash(kept_domain, body).view() != ByteView(content).substr(body.size()))
    return fail(ErrorCode::corrupt, paths.certificate + " is damaged");
  protocol::ByteReader reader(body);
  reader.tag(tag_kept_certificate);
  reader.version(kept_version);
  Bytes certificate(reader.sized(protocol::statement_bytes_max, "certificate"));
  TERN_CHECKED(reader.finish());
  return certificate;
}

}  // namespace

Result<void> keep_certificate(const HomePaths& paths, ByteView certificate) {
  const auto kept = read_kept(paths);
  if (kept && *kept == certificate) return {};
  return write_private_file(paths.certificate, encode_kept(certificate));
}

void apply_kept_certificate(const HomePaths& paths, DeviceIdentity& identity) {
  auto kept = read_kept(paths);
  if (!kept) return;
  const auto certificate = read_stored_statement<protocol::Certificate>(*kept);
  if (!certificate || certificate->tenant != identity.tenant || certificate->device != identity.device) return;
  if (certificate->device_epoch <= identity.device_epoch) return;
  identity.certificate = std::move(*kept);
  identity.device_epoch = certificate->device_epoch;
}

}  // namespace tern::client
