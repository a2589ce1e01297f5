// Enrolment on the device. The order of what is written is what makes a lost answer, or a crash, cost nothing: the
// secret first (pending-enrolment), the databases next, device.key last.
#include "tern/client/enrolment.hpp"

#include <utility>

#include "exchange/sync_state.hpp"
#include "exchange/unproven_answer.hpp"
#include "keys/key_file.hpp"
#include "keys/secure_file.hpp"
#include "outbox/outbox.hpp"
#include "replica/replica.hpp"
#include "tern/protocol/enrolment.hpp"

namespace tern::client {
namespace {

using protocol::ByteReader;
using protocol::ByteWriter;
using protocol::Enrolled;
using protocol::EnrolmentCode;
using protocol::SecretKey;

constexpr protocol::Tag tag_pending{"TRN1-PE\0", 8};
constexpr std::size_t pending_bytes_max = 16 * 1024;
constexpr std::string_view enrol_target = "/sync/v1/enrol";

/// What is kept between the first try and the answer.
struct Pending {
  protocol::EnrolmentRequest request;  // id and nonce decide the bytes; public_key is filled when they are made
  HomeSecret secret;
};

Result<void> write_pending(const HomePaths& paths, const Pending& pending, const std::optional<std::string>& passphrase,
                           Environment& environment) {
  TERN_TRY(Bytes closed, close_secret(pending.secret.raw(), passphrase, tag_pending, environment));
  ByteWriter writer;
  writer.raw(tag_pending).u8(1).id(pending.request.id).id(pending.request.nonce);
  writer.sized(pending.request.name).sized(pending.request.platform).sized(closed);
  protocol::wipe(closed);
  Bytes content = writer.take();
  auto written = write_private_file(paths.pending_enrolment, content);
  protocol::wipe(content);
  return written;
}

/// Nothing when there is none, or none that can be read: a new one is then begun.
Result<std::optional<Pending>> read_pending(const HomePaths& paths, const std::optional<std::string>& passphrase) {
  auto content = read_private_file(paths.pending_enrolment, pending_bytes_max);
  if (!content) {
    if (content.error().code == ErrorCode::not_found) return std::optional<Pending>();
    return tl::unexpected(content.error());
  }
  ByteReader reader(*content);
  reader.tag(tag_pending);
  reader.version(1);
  protocol::EnrolmentRequest request;
  request.id = reader.id<protocol::EnrolmentId>("id");
  request.nonce = reader.id<protocol::Nonce>("nonce");
  request.name = std::string(reader.sized(limits::name_bytes_max, "name"));
  request.platform = std::string(reader.sized(limits::name_bytes_max, "platform"));
  const Bytes closed(reader.sized(pending_bytes_max, "secret"));
  if (!reader.finish()) return std::optional<Pending>();
  auto secret = open_secret(closed, passphrase, tag_pending);
  if (!secret) {
    if (secret.error().code == ErrorCode::corrupt) return std::optional<Pending>();
    return fail(ErrorCode::locked, "an enrolment was begun here under another passphrase",
                "use the same passphrase, or remove " + paths.pending_enrolment + " and ask for a new code");
  }
  return std::optional<Pending>(Pending{std::move(request), HomeSecret(std::move(*secret))});
}

/// The request to send: the one of an earlier try with this code, else a new one under a new key. An outbox that lies
/// here before anything was begun is another device's, and may hold work: nobody's to overwrite.
Result<Pending> begin(const HomePaths& paths, const EnrolmentRequest& wish, const EnrolmentCode& code,
                      Environment& environment) {
  TERN_TRY(std::optional<Pending> earlier, read_pending(paths, wish.passphrase));
  if (earlier && earlier->request.id == code.id()) return Pending{std::move(*earlier)};
  TERN_TRY(const bool others, is_there(paths.outbox));
  if (!earlier && others) {
    return fail(ErrorCode::invalid, "the home already holds the outbox of another device: " + paths.outbox,
                "move it away if nothing in it is needed, or choose another home", "home");
  }
  Pending pending{{}, HomeSecret::generate(environment)};
  pending.request.id = code.id();
  pending.request.nonce = random_id<protocol::Nonce>(environment);
  pending.request.name = wish.device_name;
  pending.request.platform = wish.platform;
  TERN_CHECKED(write_pending(paths, pending, wish.passphrase, environment));
  return pending;
}

Result<std::optional<protocol::RootId>> expected_root(const EnrolmentRequest& wish) {
  if (!wish.root_fingerprint || wish.root_fingerprint->empty()) return std::optional<protocol::RootId>();
  const auto raw = from_uuid_text(*wish.root_fingerprint);
  const auto root = raw ? protocol::RootId::from(*raw) : std::nullopt;
  if (!root) return fail(ErrorCode::usage, "a root fingerprint has 32 hex digits", {}, "root");
  return std::optional<protocol::RootId>(*root);
}

Result<Bytes> ask_server(Transport& transport, const Bytes& request) {
  HttpRequest http;
  http.target = std::string(enrol_target);
  http.headers = {{"content-type", "application/octet-stream"}};
  http.body = request;
  TERN_TRY(HttpAnswer answer, transport.send(http));
  if (answer.status != 200) return tl::unexpected(refusal(answer));
  if (answer.header("content-type") != "application/octet-stream") return tl::unexpected(unproven_answer(answer));
  return std::move(answer.body);
}

/// Bytes that have not even the form of an answer come from somebody else.
Error unreadable_is_no_answer(Error error) {
  const bool unreadable = error.code == ErrorCode::malformed || error.code == ErrorCode::too_large;
  if (!unreadable) return error;
  return {ErrorCode::no_connection,
          "what answered the enrolment is no Tern server, or its answer was altered on the way",
          "check the server's address and try again; the same code still works",
          {}};
}

DeviceIdentity identity_of(const EnrolmentRequest& wish, const Pending& pending, const Enrolled& enrolled) {
  const protocol::Certificate& certificate = enrolled.certificate.value;
  DeviceIdentity identity;
  identity.tenant = certificate.tenant;
  identity.device = certificate.device;
  identity.operator_id = certificate.author;
  identity.key = protocol::key_id(certificate.public_key);
  identity.device_epoch = certificate.device_epoch;
  identity.tenant_name = enrolled.answer.tenant_name;
  identity.operator_name = enrolled.answer.operator_name;
  identity.device_name = pending.request.name;
  identity.server_url = wish.server_url;
  identity.ca_file = wish.ca_file;
  identity.passphrase_protected = wish.passphrase && !wish.passphrase->empty();
  identity.certificate = enrolled.certificate.wire;
  return identity;
}

/// What an earlier try under another code left is empty, and made anew.
Result<std::unique_ptr<Outbox>> open_outbox(const HomePaths& paths, const EnrolmentRequest& wish,
                                            const HomeSecret& secret) {
  auto outbox = Outbox::open(paths.outbox, secret.data_key().view(), wish.vfs);
  if (outbox || outbox.error().code != ErrorCode::corrupt) return outbox;
  for (const char* suffix : {"", "-wal", "-shm"}) TERN_CHECKED(shred_file(paths.outbox + suffix));
  return Outbox::open(paths.outbox, secret.data_key().view(), wish.vfs);
}

/// outbox.db with the first anchor and the first head.
Result<void> make_outbox(const HomePaths& paths, const EnrolmentRequest& wish, const HomeSecret& secret,
                         const DeviceIdentity& identity, const Enrolled& enrolled, const AnchorHeld& anchor) {
  TERN_TRY(const std::unique_ptr<Outbox> outbox, open_outbox(paths, wish, secret));
  TERN_CHECKED(outbox->set_owner({identity.device, identity.operator_id}));
  TERN_CHECKED(outbox->set_anchor(anchor));
  SyncState state;
  state.ladder.push_back({enrolled.anchor.value.head(), enrolled.anchor.value.time_ms});
  return store_sync_state(*outbox, state);
}

}  // namespace

Result<DeviceIdentity> enrol(const EnrolmentRequest& request, Transport& transport, Environment& environment,
                             const std::function<bool(const EnrolmentOffer&)>& confirm) {
  TERN_CHECKED(protocol::init_crypto());
  const HomePaths paths(request.home);
  TERN_TRY(const bool enrolled_already, is_there(paths.device_key));
  if (enrolled_already) {
    return fail(ErrorCode::invalid, "a device is already enrolled in " + paths.home, "choose another home", "home");
  }
  TERN_TRY(const EnrolmentCode code, EnrolmentCode::from_text(request.code));
  TERN_TRY(const std::optional<protocol::RootId> root, expected_root(request));
  TERN_CHECKED(make_private_directory(paths.home));
  TERN_TRY(const Pending pending, begin(paths, request, code, environment));

  const protocol::SigningKey key = pending.secret.signing_key();
  TERN_TRY(const Bytes wire, protocol::make_enrolment_request(pending.request, code, key));
  AnchorHeld anchor;
  anchor.request_boot_ms = environment.boot_ms();
  anchor.boot = environment.boot_id();
  TERN_TRY(const Bytes answer, ask_server(transport, wire));
  const std::int64_t took_ms = environment.boot_ms() - anchor.request_boot_ms;
  auto opened = protocol::open_enrolment_answer(answer, wire, code, key.public_key(), root);
  if (!opened) return tl::unexpected(unreadable_is_no_answer(std::move(opened).error()));
  const Enrolled& enrolled = *opened;

  const EnrolmentOffer offer{enrolled.answer.tenant_name, enrolled.answer.operator_name, request.server_url,
                             to_hex(enrolled.certificate.value.root)};
  if (!confirm(offer)) {
    return fail(ErrorCode::usage, "the enrolment was not confirmed; nothing was stored",
                "the same code works again from here until it expires");
  }
  if (took_ms >= 0 && took_ms <= limits::anchor_answer_ms_max) {
    anchor.hash = protocol::anchor_hash(enrolled.anchor.wire);
    anchor.anchor = enrolled.anchor.wire;
    anchor.epoch = enrolled.anchor.value.epoch;
  } else {
    anchor = {};  // an answer this slow says too little about the time
  }
  const DeviceIdentity identity = identity_of(request, pending, enrolled);
  TERN_CHECKED(shred_file(paths.ca));  // of a try that was not finished
  if (!request.ca_file.empty()) TERN_CHECKED(copy_authorities(paths, request.ca_file));
  TERN_CHECKED(make_outbox(paths, request, pending.secret, identity, enrolled, anchor));
  TERN_CHECKED(write_keys(paths, identity, enrolled.answer.roots, enrolled.key_list.wire, pending.secret,
                          request.passphrase, environment));
  TERN_CHECKED(shred_file(paths.pending_enrolment));
  return identity;
}

}  // namespace tern::client
