#include "support/catch.hpp"
#include "support/persist.hpp"
//
#include "house.hpp"
#include "ingest/committer.hpp"
#include "ingest/devices.hpp"
#include "store/tenant.hpp"
#include "tern/sla/instant.hpp"

namespace tern::test {
namespace {

/// The sending end of a stream that a test looks into.
class Link : public server::StreamLink {
public:
  bool send(Bytes message) override {
    if (closed != 0) return false;
    sent.push_back(std::move(message));
    if (order != nullptr) order->push_back(this);
    return true;
  }
  void close(std::uint16_t code, std::string_view) override {
    if (closed == 0) closed = code;
  }
  [[nodiscard]] bool is_open() const override { return closed == 0; }

  std::vector<Bytes> sent;
  std::vector<const Link*>* order = nullptr;  // of the messages of several links
  std::uint16_t closed = 0;
};

/// A device's stream, from its own end.
struct Stream {
  explicit Stream(Device& d) : device(d) {
    auto request = device.signed_request("GET", "/sync/v1/stream", {});
    request.path = "/sync/v1/stream";
    request.peer_address = "192.0.2.7";
    auto verdict = device.house.core->handler().on_upgrade(request);
    REQUIRE(std::holds_alternative<server::StreamAccept>(verdict));
    accept = std::get<server::StreamAccept>(verdict);
    REQUIRE(accept.headers.size() == 1);
    protocol::AnswerParts parts;
    parts.status = 101;
    CHECK(protocol::verify_answer(accept.headers[0].value, parts, {}, device.last_mac, device.keys.answer));
    up.emplace(protocol::Direction::up, protocol::stream_key(device.keys.frame_up, device.last_mac));
    down.emplace(protocol::Direction::down, protocol::stream_key(device.keys.frame_down, device.last_mac));
    accept.handler->on_open(server::StreamSender(link));
  }
  ~Stream() { accept.handler->on_close(1000); }

  void ask(const v1::ExchangeRequest& request) {
    v1::StreamFrame frame;
    *frame.mutable_request() = request;
    accept.handler->on_message(up->seal(frame.SerializeAsString()));
  }
  /// The next message from the server; fails the test when there is none.
  v1::StreamFrame next() {
    REQUIRE(taken < link->sent.size());
    v1::StreamFrame frame;
    const auto opened = must(down->open(link->sent[taken++]));
    REQUIRE(frame.ParseFromArray(opened.data(), static_cast<int>(opened.size())));
    return frame;
  }
  [[nodiscard]] bool quiet() const { return taken == link->sent.size(); }

  Device& device;
  server::StreamAccept accept;
  std::shared_ptr<Link> link = std::make_shared<Link>();
  std::optional<protocol::FrameSealer> up;
  std::optional<protocol::FrameOpener> down;
  std::size_t taken = 0;
};

struct TwoStreams {
  House house;
  std::unique_ptr<Device> ann, bob;
  TwoStreams() {
    house.add_operator("ann", "supervisor");
    house.add_operator("bob", "supervisor");
    ann = std::make_unique<Device>(house, "ann", "all");
    bob = std::make_unique<Device>(house, "bob", "all");
    for (Device* device : {ann.get(), bob.get()}) {
      must(device->open_session());
      device->download();
    }
  }
};

}  // namespace

TEST_CASE("a stream answers requests and brings what others commit", "[server][push]") {
  TwoStreams scene;
  scene.ann->push(scene.ann->create(random_id<TicketId>(scene.house.environment)));
  scene.bob->download();
  Stream stream(*scene.bob);
  CHECK(stream.accept.first_message_ms == 5'000);
  stream.ask(scene.bob->request());
  CHECK(stream.next().has_response());
  REQUIRE(stream.quiet());

  const TicketId ticket = random_id<TicketId>(scene.house.environment);
  scene.ann->push(scene.ann->create(ticket, "news"));
  const auto frame = stream.next();
  REQUIRE(frame.has_push());
  REQUIRE(frame.push().patches_size() == 1);
  CHECK(frame.push().base().commit_seq() == scene.bob->cursor);
  CHECK(frame.push().cursor().commit_seq() > scene.bob->cursor);
  CHECK(stream.quiet());
}

TEST_CASE("a clock that changes without a commit reaches a stream that takes clocks", "[server][push][sla]") {
  TwoStreams scene;
  scene.ann->push(scene.ann->create(random_id<TicketId>(scene.house.environment)));
  for (Device* device : {scene.ann.get(), scene.bob.get()}) device->download();
  Stream knows(*scene.bob), knows_not(*scene.ann);
  v1::ExchangeRequest request = scene.bob->request();
  request.set_clocks(true);
  knows.ask(request);
  const auto first = knows.next().response();
  CHECK(first.clocks_size() == 1);
  knows_not.ask(scene.ann->request());
  CHECK(knows_not.next().response().clocks_size() == 0);

  const std::int64_t in_an_hour = scene.house.environment.wall_ms() / 1000 + 3600;
  scene.house.command(
      cmd("sla rule add",
          {{"name", Json("All")}, {"resolution", Json("3h")}, {"from", Json(sla::instant_text(in_an_hour))}}));
  scene.house.tick();
  scene.ann->push(scene.ann->create(random_id<TicketId>(scene.house.environment), "news"));
  auto pushed = knows.next().push();
  CHECK(pushed.patches_size() == 1);
  CHECK(pushed.clocks_size() == 1);
  CHECK(pushed.clocks_from() == first.clocks_upto());
  CHECK(knows_not.next().push().clocks_size() == 0);
  CHECK((knows.quiet() && knows_not.quiet()));

  scene.house.environment.advance(3'600'000 - 1000);
  scene.house.tick();
  CHECK(knows.quiet());
  scene.house.environment.advance(1000);
  scene.house.tick();
  const auto before = pushed;
  pushed = knows.next().push();
  CHECK(pushed.patches_size() == 0);
  CHECK(pushed.clocks_size() == 2);
  CHECK(pushed.base().commit_seq() == before.cursor().commit_seq());
  CHECK(pushed.cursor().commit_seq() == before.cursor().commit_seq());
  CHECK(pushed.clocks_from() == before.clocks_upto());
  CHECK(pushed.clocks_upto() > before.clocks_upto());
  scene.house.tick();
  CHECK((knows.quiet() && knows_not.quiet()));
}

TEST_CASE("a push brings the records that it names, and says so when they are too many for it", "[server][push]") {
  const NothingFails once;
  TwoStreams scene;
  scene.ann->push(scene.ann->create(random_id<TicketId>(scene.house.environment)));
  scene.bob->download();
  Stream stream(*scene.bob);
  stream.ask(scene.bob->request());
  CHECK(stream.next().has_response());
  scene.house.command(cmd("queue add", {{"name", Json("Brand new")}}));
  CHECK(stream.quiet());  // a record by itself waits for something that names it
  scene.ann->push(scene.ann->create(random_id<TicketId>(scene.house.environment), "news"));
  const auto frame = stream.next();
  REQUIRE(frame.has_push());
  CHECK(frame.push().patches_size() == 1);
  REQUIRE(frame.push().packs_size() == 1);
  CHECK(frame.push().packs(0).records(0).name() == "Brand new");
  CHECK_FALSE(frame.push().packs(0).whole());

  Json rows = Json::array();
  for (int i = 0; i < 3'000; ++i)
    rows.push(Json::object({{"kind", Json("contact")}, {"name", Json("Customer " + std::to_string(i))}}));
  scene.house.command(cmd("record load", {{"rows", rows}}));
  for (const char* subject : {"many", "more"})
    scene.ann->push(scene.ann->create(random_id<TicketId>(scene.house.environment), subject));
  const auto hint = stream.next();
  REQUIRE(hint.has_push());
  CHECK(hint.push().packs_size() + hint.push().patches_size() == 0);
  CHECK(hint.push().cursor().commit_seq() > frame.push().cursor().commit_seq());
  CHECK(stream.quiet());  // said once
  scene.bob->download();
  stream.ask(scene.bob->request());
  CHECK(stream.next().has_response());
  scene.ann->push(scene.ann->create(random_id<TicketId>(scene.house.environment), "again"));
  CHECK(stream.next().push().patches_size() == 1);
}

TEST_CASE("a commit is told to streams in the order in which they were opened", "[server][push]") {
  const NothingFails once;
  TwoStreams scene;
  scene.ann->push(scene.ann->create(random_id<TicketId>(scene.house.environment)));
  scene.bob->download();
  std::vector<std::unique_ptr<Stream>> streams;
  std::vector<const Link*> opened, told;
  for (int i = 0; i < 20; ++i) {
    Stream& stream = *streams.emplace_back(std::make_unique<Stream>(*scene.bob));
    stream.ask(scene.bob->request());
    REQUIRE(stream.next().has_response());
    stream.link->order = &told;
    opened.push_back(stream.link.get());
  }
  for (const std::size_t gone : {3, 7}) {
    streams.erase(streams.begin() + static_cast<std::ptrdiff_t>(gone));
    opened.erase(opened.begin() + static_cast<std::ptrdiff_t>(gone));
  }
  scene.ann->push(scene.ann->create(random_id<TicketId>(scene.house.environment), "news"));
  CHECK(told == opened);
}

TEST_CASE("a stream takes sets and gives their receipts", "[server][push]") {
  TwoStreams scene;
  Stream stream(*scene.ann);
  v1::ExchangeRequest asked = scene.ann->request();
  asked.add_change_sets(scene.ann->seal({scene.ann->create(random_id<TicketId>(scene.house.environment))}));
  stream.ask(asked);
  const auto frame = stream.next();
  REQUIRE(frame.has_response());
  CHECK(scene.ann->receipts(frame.response()).receipts.size() == 1);
}

TEST_CASE("a frame with a bad MAC ends the stream, one out of step asks for a new one (row 50)",
          "[server][push][refusals]") {
  TwoStreams scene;
  Stream stream(*scene.bob);
  v1::StreamFrame frame;
  *frame.mutable_request() = scene.bob->request();
  SECTION("MAC") {
    Bytes sealed = stream.up->seal(frame.SerializeAsString());
    sealed.back() = static_cast<char>(sealed.back() ^ 1);
    stream.accept.handler->on_message(sealed);
    CHECK(stream.link->closed == server::stream_close::auth_required);
  }
  SECTION("a frame that is missing") {
    static_cast<void>(stream.up->seal(frame.SerializeAsString()));
    stream.accept.handler->on_message(stream.up->seal(frame.SerializeAsString()));
    CHECK(stream.link->closed == server::stream_close::resync);
  }
  SECTION("a frame that comes twice") {
    const Bytes sealed = stream.up->seal(frame.SerializeAsString());
    stream.accept.handler->on_message(sealed);
    stream.accept.handler->on_message(sealed);
    CHECK(stream.link->closed == server::stream_close::resync);
  }
  SECTION("a frame of another connection of the same session") {
    Stream other(*scene.bob);
    stream.accept.handler->on_message(other.up->seal(frame.SerializeAsString()));
    CHECK(stream.link->closed == server::stream_close::auth_required);
  }
}

TEST_CASE("an upgrade needs a session, once, and a full one", "[server][push][refusals]") {
  TwoStreams scene;
  auto request = scene.bob->signed_request("GET", "/sync/v1/stream", {});
  request.path = "/sync/v1/stream";
  auto& handler = scene.house.core->handler();
  auto bare = request;
  bare.headers.clear();
  CHECK(std::get<server::Response>(handler.on_upgrade(bare)).status == 401);
  CHECK(std::holds_alternative<server::StreamAccept>(handler.on_upgrade(request)));
  CHECK(problem_code(std::get<server::Response>(handler.on_upgrade(request))) == "replayed");
  request.path = "/sync/v1/other";
  CHECK(std::get<server::Response>(handler.on_upgrade(request)).status == 404);
}

TEST_CASE("a revocation closes the device's stream with the commit that makes it", "[server][push][revocation]") {
  TwoStreams scene;
  Stream stream(*scene.bob);
  stream.ask(scene.bob->request());
  scene.house.command(Json::object(
      {{"command", Json("device revoke")}, {"device", Json(to_uuid_text(scene.bob->certificate.device.view()))}}));
  scene.house.tick();
  CHECK(stream.link->closed == server::stream_close::auth_required);
}

TEST_CASE("a stream whose session grew old is closed by the next tick", "[server][push]") {
  TwoStreams scene;
  Stream stream(*scene.bob);
  scene.house.environment.advance(3'600'001);
  scene.house.tick();
  CHECK(stream.link->closed == server::stream_close::auth_required);
}

// ---- a revocation between verify and commit (scenario 11) ----

namespace {

/// Does something in between: what happens on the strand while a push waits for it.
class Meanwhile : public server::Committer {
public:
  explicit Meanwhile(std::function<void(server::Tenant&)> what)
      : what_(std::move(what)), inner_(server::make_inline_committer()) {
    inner_->on_commit = [this](server::Tenant& tenant, const server::CommitNotice& notice) {
      if (on_commit) on_commit(tenant, notice);
    };
  }
  Result<server::PushAnswer> commit(server::Tenant& tenant, server::VerifiedPush push) override {
    if (auto what = std::exchange(what_, {})) inner_->run(tenant, [&] { what(tenant); });
    return inner_->commit(tenant, std::move(push));
  }
  void run(server::Tenant& tenant, const std::function<void()>& work) override { inner_->run(tenant, work); }

private:
  std::function<void(server::Tenant&)> what_;
  std::unique_ptr<server::Committer> inner_;
};

}  // namespace

TEST_CASE("a revocation that commits between verify and commit wins", "[server][push][revocation]") {
  const NothingFails once;
  TwoStreams scene;
  const DeviceId device = scene.bob->certificate.device;
  scene.house.core->use_committer(std::make_unique<Meanwhile>([device](server::Tenant& tenant) {
    must(server::end_device(tenant, device, protocol::RevocationReason::revoked, OperatorId{}));
  }));
  v1::ExchangeRequest asked = scene.bob->request();
  asked.add_change_sets(scene.bob->seal({scene.bob->create(random_id<TicketId>(scene.house.environment), "too late")}));
  const auto answer = scene.bob->exchange(asked);
  CHECK(answer.error().code() == "KEY_REVOKED");
  CHECK(answer.error().retry() == "REAUTH");
  const Json status = scene.house.command(Json::object({{"command", Json("status")}}));
  CHECK(status["rows"].items()[0]["tickets"].as_integer() == 0);
}

}  // namespace tern::test
