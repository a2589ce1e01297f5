// What a device carries of its own files, against answers that no server of ours gives.
#include "files/file_transfers.hpp"

#include "tern/protocol/file_pieces.hpp"
#include "tern/protocol/limits.hpp"
#include "unit/client/client_desk.hpp"

using namespace tern;
using namespace tern::test;

namespace {

constexpr std::uint64_t piece_step = limits::file_piece_bytes;

client::ShelfOptions shelf_in(const TempDir& folder, const std::string& name) {
  client::ShelfOptions options;
  options.path = folder.file(name);
  return options;
}

/// A device with one file that waits to be sent, its change in the ledger.
struct Sender {
  explicit Sender(std::uint64_t size_bytes) : content(size_bytes, 'f') {
    desk.save(desk.create("pump"));
    Change attach = desk.change(Intent::attach, must(desk.outbox->own_changes(std::nullopt)).front().change.ticket);
    attach.visibility = sync::Visibility::team;
    attach.file_name = "pump.bin";
    attach.media_type = "application/octet-stream";
    attach.size_bytes = size_bytes;
    attach.content_hash = Bytes(protocol::sha256(content).view());
    const SavedChange saved = desk.save(attach);
    const auto id = must(outgoing.begin(saved.ref, saved.ticket, protocol::sha256(content), size_bytes, false));
    must(outgoing.append(id, 0, content));
    desk.seal();
    desk.push();
    client::AnchorHeld anchor;
    anchor.epoch = desk.ledger.epoch;
    anchor.hash = named<Hash>("anchor");
    must(desk.outbox->set_anchor(anchor));
    REQUIRE(must(transfers.begin()));
  }
  /// What the server is told to say about the next piece.
  Result<void> answered(protocol::FileState state, std::uint64_t have_bytes) {
    REQUIRE(must(transfers.next()));
    return transfers.take(encode(protocol::FilePieceTaken{state, have_bytes}), 1);
  }
  protocol::FilePiece next_piece() { return must(protocol::decode_file_piece(must(transfers.next()).value().body)); }

  ClientDesk desk;
  Bytes content;
  client::FileShelf outgoing{shelf_in(desk.dir, "outbox-files.db")}, fetched{shelf_in(desk.dir, "replica-files.db")};
  client::FileTransfers transfers{client::FileParts{outgoing, fetched, *desk.outbox, *desk.replica, desk.identity}};
};

}  // namespace

TEST_CASE("a server that has what nobody can have sent is not believed", "[client][files]") {
  using protocol::FileState;
  for (const std::uint64_t have : {std::uint64_t{1}, piece_step - 1, piece_step + 1, 3 * piece_step, 4 * piece_step}) {
    Sender sender(2 * piece_step + 10);
    const auto taken = sender.answered(FileState::going_on, have);
    REQUIRE_FALSE(taken);
    CHECK(taken.error().code == ErrorCode::malformed);
  }
  Sender sender(2 * piece_step + 10);
  CHECK(sender.next_piece().bytes.empty());
  CHECK(sender.answered(FileState::going_on, piece_step));
  CHECK(sender.next_piece().offset == piece_step);
  CHECK(sender.answered(FileState::going_on, 2 * piece_step + 10));  // all of it is there, and not yet whole
  CHECK(sender.next_piece().offset == 2 * piece_step + 10);
  CHECK(sender.next_piece().bytes.empty());
  CHECK(sender.answered(FileState::whole, 2 * piece_step + 10));
  CHECK_FALSE(must(sender.transfers.next()));
  CHECK(must(sender.outgoing.waiting(sender.desk.ledger.epoch)).files == 0);
}

TEST_CASE("what was not sent, or sent to a server as it was before a restore, keeps its change", "[client][files]") {
  Sender sender(10);
  client::Outbox& outbox = *sender.desk.outbox;
  const EpochId epoch = sender.desk.ledger.epoch;
  const std::int64_t much_later_ms = sender.desk.env.wall_ms() + 90 * std::int64_t{86'400'000};
  const auto pruned = [&](const EpochId& in) {
    std::vector<sync::ChangeRef> kept;
    for (const auto& file : must(sender.outgoing.unsent(in))) kept.push_back(file.change);
    return must(outbox.prune(99, much_later_ms, 0, kept));
  };
  CHECK(pruned(epoch) == 0);
  CHECK(sender.answered(protocol::FileState::whole, 10));
  CHECK(pruned(named<EpochId>("another")) == 0);
  must(sender.transfers.tidy());
  CHECK(must(sender.outgoing.all()).size() == 1);
  CHECK(pruned(epoch) == 1);
  must(sender.transfers.tidy());
  CHECK(must(sender.outgoing.all()).empty());
}

TEST_CASE("content for a store that was taken off the disk meanwhile is refused", "[client][files]") {
  ClientDesk desk;
  client::FileShelf shelf(shelf_in(desk.dir, "replica-files.db"));
  const sync::ChangeRef change{named<DeviceId>("another"), ChangeId::or_zero("a change")};
  const auto id = must(shelf.begin(change, named<TicketId>("pump"), named<Hash>("hash"), 2 * piece_step, true));
  must(shelf.append(id, 0, Bytes(piece_step, 'f')));
  must(shelf.leave_disk());
  CHECK(shelf.append(id, piece_step, Bytes(piece_step, 'f')).error().code == ErrorCode::not_found);
  CHECK(shelf.finish(id, named<Hash>("hash")).error().code == ErrorCode::not_found);
  CHECK_FALSE(std::filesystem::exists(desk.dir.file("replica-files.db")));
}
