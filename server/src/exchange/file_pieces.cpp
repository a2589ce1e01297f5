#include "exchange/file_pieces.hpp"

#include <algorithm>

#include "api/plans.hpp"
#include "exchange/reader_scope.hpp"
#include "files/file_store.hpp"
#include "files/sent_with.hpp"
#include "ingest/devices.hpp"
#include "store/tenant.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/sync/conflict.hpp"
#include "tern/sync/ticket_state.hpp"
#include "tern/v1/change.pb.h"

namespace tern::server {
namespace {

tl::unexpected<Error> no_such_file() {
  return fail(ErrorCode::not_found, "There is no such file for this device.", "", "change");
}

/// Decided now, as an exchange does: a key may have ended since the session began.
Result<ReaderScope> scope_of_session(Session& session) {
  Tenant& tenant = *session.tenant;
  const auto device = find_device(tenant, session.device);
  const auto actor = tenant.find_actor(session.operator_id);
  const bool ended = !device || device->key_state != protocol::KeyState::active || !actor || !actor->active;
  if (ended || session.mode == protocol::SessionMode::deposit)
    return fail(ErrorCode::not_permitted, "A device whose key no longer counts sends and gets no files.");
  return scope_of(tenant, *actor, *device);
}

struct OwnAttachment {
  Hash sha256;
  std::uint64_t size_bytes = 0;
};

Result<OwnAttachment> own_attachment(Tenant& tenant, const sync::ChangeRef& change) {
  TERN_TRY(auto reader, tenant.reader());
  TERN_TRY(auto rows,
           reader.db().query("SELECT skeleton, body IS NULL, outcome FROM change WHERE tenant_id = $1 AND device_id = "
                             "$2 AND change_id = $3 AND intent = $4",
                             tenant.number(), change.device, change.id, sync::Intent::attach));
  TERN_TRY(const bool there, rows.step());
  if (!there || rows.boolean(1)) return no_such_file();
  if (rows.int64(2) == static_cast<std::int64_t>(sync::Outcome::rejected))
    return fail(ErrorCode::not_permitted, "The attachment was rejected.", "", "change");
  v1::Skeleton skeleton;
  if (!skeleton.ParseFromArray(rows.blob(0).data(), static_cast<int>(rows.blob(0).size())))
    return fail(ErrorCode::corrupt, "A stored change cannot be read.");
  return OwnAttachment{Hash::or_zero(skeleton.content_hash()), skeleton.size_bytes()};
}

Result<bool> holds_ticket(sqlite::Database& db, const ReaderScope& scope, const TicketId& ticket) {
  TERN_TRY(const auto held,
           scope.all
               ? db.int64_of("SELECT 1 FROM ticket WHERE tenant_id = $1 AND ticket_id = $2", scope.tenant, ticket)
               : db.int64_of("SELECT 1 FROM scope_member WHERE tenant_id = $1 AND ticket_id = $2 AND operator_id = $3 "
                             "AND left_seq = 0",
                             scope.tenant, ticket, scope.operator_id));
  return held.has_value();
}

/// What a device is sent of one message: pages send the same (patch_writer.cpp). Nothing: it is not.
Result<std::optional<sync::Message>> message_for(sqlite::Database& db, const ReaderScope& scope,
                                                 const sync::ChangeRef& change, const TicketId& on) {
  TERN_TRY(auto rows,
           db.query("SELECT data, visibility, ticket_id FROM message WHERE tenant_id = $1 AND device_id = $2 AND "
                    "change_id = $3",
                    scope.tenant, change.device, change.id));
  TERN_TRY(const bool there, rows.step());
  if (!there) return std::optional<sync::Message>{};
  const bool restricted = rows.int64(1) == static_cast<std::int64_t>(sync::Visibility::restricted);
  if (rows.id<TicketId>(2) != on) {
    TERN_TRY(const auto given, db.int64_of("SELECT 1 FROM given_message WHERE tenant_id = $1 AND ticket_id = $2 AND "
                                           "device_id = $3 AND change_id = $4",
                                           scope.tenant, on, change.device, change.id));
    if (!given || restricted) return std::optional<sync::Message>{};
  }
  TERN_TRY(auto message, sync::decode_message(rows.blob(0)));
  if (restricted && !scope.restricted_notes && message.stamp.author != scope.operator_id)
    return std::optional<sync::Message>{};
  return std::optional(std::move(message));
}

Result<void> check_may_read_file(Session& session, const sync::ChangeRef& change, const TicketId& ticket) {
  TERN_TRY(ReaderScope scope, scope_of_session(session));
  TERN_TRY(auto reader, session.tenant->reader());
  sqlite::Database& db = reader.db();
  TERN_CHECKED(read_rights(db, scope));
  TERN_TRY(const bool held, holds_ticket(db, scope, ticket));
  if (!held) return no_such_file();
  TERN_TRY(const auto file, message_for(db, scope, change, ticket));
  const bool is_there = file && file->kind == sync::MessageKind::file && !file->erased && !sync::is_deleted(*file);
  if (!is_there) return no_such_file();
  TERN_TRY(const auto with, sent_with(db, scope.tenant, change));
  if (!with) return {};
  TERN_TRY(const auto known, db.int64_of("SELECT 1 FROM message WHERE tenant_id = $1 AND device_id = $2 AND change_id "
                                         "= $3",
                                         scope.tenant, with->device, with->id));
  TERN_TRY(const auto message, message_for(db, scope, *with, ticket));
  const bool readable = !known || (message && !sync::is_deleted(*message));
  return readable ? Result<void>{} : Result<void>(no_such_file());
}

}  // namespace

Result<protocol::FilePieceTaken> take_file_piece(Session& session, const protocol::FilePiece& piece) {
  Tenant& tenant = *session.tenant;
  TERN_CHECKED(scope_of_session(session));
  const sync::ChangeRef change{session.device, piece.change};
  TERN_TRY(const OwnAttachment attachment, own_attachment(tenant, change));
  if (piece.size_bytes != attachment.size_bytes)
    return fail(ErrorCode::malformed, "The file has not the size that was signed.", "", "size");
  const unsigned most_mib = plan_of(tenant).file_mib_max;
  if (piece.size_bytes > most_mib * limits::mib)
    return fail(ErrorCode::too_large,
                "A file has at most " + std::to_string(most_mib) + " MB under the plan of this organisation.", "",
                "size");
  FileStore& files = tenant.files();
  TERN_TRY(auto have, files.arriving(change));
  // Who has nothing more to send asks to have the end tried again that failed before.
  const bool asks = piece.bytes.empty() && have.have_bytes < piece.size_bytes;
  if (!have.whole && !asks) {
    if (!tenant.takes_files())
      return fail(ErrorCode::storage_full, "There is too little room for files on the server's disk.");
    const auto taken =
        files.take_in(change, piece.size_bytes, attachment.sha256, piece.offset, piece.bytes, tenant.now_ms());
    if (!taken && taken.error().code == ErrorCode::content_mismatch)
      return protocol::FilePieceTaken{protocol::FileState::wrong, 0};
    TERN_TRY(have, taken);
  }
  return protocol::FilePieceTaken{have.whole ? protocol::FileState::whole : protocol::FileState::going_on,
                                  have.have_bytes};
}

Result<protocol::FilePieceGiven> give_file_piece(Session& session, const protocol::FilePieceWanted& wanted) {
  const sync::ChangeRef change{wanted.device, wanted.change};
  TERN_CHECKED(check_may_read_file(session, change, wanted.ticket));
  FileStore& files = session.tenant->files();
  TERN_TRY(const auto content, files.find(change));
  if (!content)
    return fail(ErrorCode::not_found, "The content of this file is not here yet.",
                "It comes when the device that attached it sends it.", "content");
  TERN_TRY(Bytes bytes, files.open(*content)->read_at(wanted.offset, wanted.length));
  return protocol::FilePieceGiven{content->size_bytes, std::move(bytes)};
}

}  // namespace tern::server
