// What the sync engine is made of. The contract with callers: tern/client/sync_engine.hpp.
//
// What travels (docs/protocol.md, "Exchange"):
//   POST /sync/v1/hello, /sync/v1/session     the handshake (session_client.hpp)
//   POST /sync/v1/exchange                    tern-auth; content-type application/x-protobuf; content-encoding zstd
//   when
//                                             that is smaller; body ExchangeRequest. Answer 200, tern-auth-answer,
//                                             the same types, body ExchangeResponse. A refusal is a problem under the
//                                             MAC.
//   POST /sync/v1/file, /sync/v1/file/read    a piece of an attachment (protocol/file_pieces.hpp); octets, 200 or a
//                                             problem under the MAC. Once the exchanges of a round are over
//   GET  /sync/v1/stream                      upgrade under tern-auth, answer 101 with tern-auth-answer; then one
//                                             StreamFrame per binary message, uncompressed, inside the frame MAC
// An answer without a good MAC, or with another nonce, is a network fault. The one exception costs nothing: an unproven
// 401 makes the device begin a new session, once a round.
#pragma once

#include <functional>
#include <memory>

#include "exchange/session_client.hpp"
#include "tern/client/enrolment.hpp"
#include "tern/client/sync_engine.hpp"
#include "tern/protocol/crypto.hpp"
#include "tern/protocol/environment.hpp"
#include "tern/protocol/keys.hpp"

namespace tern::client {

class FileShelf;
class Outbox;
class Replica;

/// References outlive the engine.
struct EngineParts {
  Outbox& outbox;
  Replica& replica;
  const DeviceIdentity& identity;
  const protocol::SigningKey& key;
  Environment& environment;
  std::vector<protocol::PublicKey> roots;        // OpenedKeys::roots
  protocol::Signed<protocol::KeyList> key_list;  // OpenedKeys::key_list
  bool wiped = false;  // OpenedKeys::wipe_order is not empty: hands its work in, takes nothing
  /// Closes replica.db and calls destroy_replica. From then on the engine only hands in what the outbox holds.
  std::function<Result<void>(ByteView wipe_order)> wipe;
  /// Keeps the certificate of a later device epoch where a lost outbox does not take it along; may be empty.
  std::function<Result<void>(ByteView certificate)> keep_certificate;
  FileShelf* outgoing = nullptr;  // null, as the next: a device without files
  FileShelf* fetched = nullptr;
};

/// Fails only when what it kept in the outbox cannot be read.
Result<std::unique_ptr<SyncEngine>> make_sync_engine(EngineParts parts);

}  // namespace tern::client
