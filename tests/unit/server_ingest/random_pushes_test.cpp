#include "desk.hpp"
#include "support/catch.hpp"
#include "support/must.hpp"
#include "support/rounds.hpp"

using namespace tern;
using namespace tern::test;
using sync::FieldId;

namespace {

/// A day of random work by several vans that push in random order, lose answers and come back late.
class RandomDay {
public:
  explicit RandomDay(std::uint64_t seed) : desk(seed), state_(seed) {
    for (int i = 0; i < 2; ++i)
      queues_.push_back(desk.add_record(sync::RecordKind::queue, "Queue " + std::to_string(i)));
    const sync::Role roles[] = {sync::Role::operator_, sync::Role::operator_, sync::Role::supervisor,
                                sync::Role::operator_};
    for (const sync::Role role : roles) operators_.push_back(desk.add_operator("Agent", role, queues_));
    for (const OperatorId& id : operators_) vans_.push_back(desk.add_van(id));
  }

  void run(int steps) {
    for (int i = 0; i < steps; ++i) {
      desk.environment.advance(static_cast<std::int64_t>(draw(120'000)));
      step(*vans_[draw(vans_.size())]);
    }
    for (auto& van : vans_) push(*van);
  }

  Desk desk;
  std::uint64_t pushed = 0;

private:
  std::uint64_t draw(std::uint64_t below) {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return (state_ >> 33) % below;
  }

  TicketId any_ticket() { return tickets_.empty() ? desk.new_ticket_id() : tickets_[draw(tickets_.size())]; }

  Change random_change(Van& van) {
    if (tickets_.size() < 4 && (tickets_.empty() || draw(4) == 0)) {
      tickets_.push_back(desk.new_ticket_id());
      Change create = van.create(tickets_.back());
      create.text = "line 1\nline 2\nline 3\n";
      return create;
    }
    const TicketId ticket = any_ticket();
    switch (draw(18)) {
      case 0:
        return van.set(ticket, FieldId::subject, "subject " + std::to_string(draw(5)));
      case 1:
        return van.set(ticket, FieldId::priority, std::string(1, static_cast<char>('1' + draw(4))));
      case 2:
        return van.set(ticket, FieldId::custom, std::to_string(draw(3)), "room");
      case 3:
        return van.make(Intent::take, ticket);
      case 4:
        return targeted(van.make(Intent::assign, ticket), Bytes(operators_[draw(operators_.size())].view()), true);
      case 5:
        return targeted(van.make(Intent::move_queue, ticket), Bytes(queues_[draw(2)].view()), false);
      case 6:
        return labelled(van.make(draw(2) == 0 ? Intent::tag : Intent::untag, ticket));
      case 7:
        return describe(van, ticket);
      case 8:
        return van.make(Intent::start, ticket);
      case 9:
        return van.make(Intent::wait, ticket);
      case 10:
        return van.make(Intent::resolve, ticket);
      case 11:
        return van.make(Intent::close, ticket);
      case 12:
        return van.make(Intent::reopen, ticket);
      case 13:
        return remember(van.note(ticket, "note " + std::to_string(draw(100)), sync::Visibility::open));
      case 14:
        return edit(van, ticket);
      case 15:
        return draw(6) == 0 ? targeted(van.make(Intent::merge, ticket), Bytes(any_ticket().view()), false)
                            : van.make(Intent::pin, ticket);
      case 16:
        return remember(on_site(van, ticket));
      default:
        return draw(4) == 0 ? van.make(draw(2) == 0 ? Intent::delete_ticket : Intent::restore, ticket)
                            : remember(van.note(ticket, "team note"));
    }
  }

  Change on_site(Van& van, const TicketId& ticket) {
    Change change = van.make(Intent::on_site, ticket);
    change.text = "replaced " + std::to_string(draw(100));
    change.visibility = sync::Visibility::open;
    change.from_ms = change.to_ms = 1'790'000'000'000 + static_cast<std::int64_t>(draw(1'000'000));
    change.file_name = "Jo Miller";
    change.media_type = "image/png";
    change.signature = std::string("\x89PNG\r\n\x1a\n", 8) + std::to_string(draw(100));
    return change;
  }
  static Change targeted(Change change, Bytes target, bool reason) {
    change.target = std::move(target);
    if (reason) change.reason = "because";
    return change;
  }
  Change labelled(Change change) {
    change.label = "tag" + std::to_string(draw(3));
    return change;
  }
  Change describe(Van& van, const TicketId& ticket) {
    Change change = van.make(Intent::describe, ticket);
    change.base = desk.state(ticket).description;
    change.text = change.base + "more by " + std::to_string(draw(9)) + "\n";
    return change;
  }
  Change remember(Change note) {
    notes_.push_back({note.ref, note.ticket});
    return note;
  }
  Change edit(Van& van, const TicketId& ticket) {
    if (notes_.empty()) return van.make(Intent::put_back, ticket);
    const auto& [ref, of] = notes_[draw(notes_.size())];
    Change change = van.make(draw(3) == 0 ? Intent::delete_message : Intent::edit_message, of);
    change.targets = {ref};
    if (change.intent == Intent::edit_message) change.text = "edited " + std::to_string(draw(100));
    return change;
  }

  server::Push next_push(Van& van) {
    std::vector<Bytes> sets = std::exchange(unanswered_[van.id], {});
    server::Push push = van.pushable();
    sets.insert(sets.end(), push.change_sets.begin(), push.change_sets.end());
    push.change_sets = std::move(sets);
    return push;
  }

  /// One or more vans in one batch.
  void push(Van& van) {
    std::vector<Van*> together{&van};
    for (auto& other : vans_)
      if (other.get() != &van && draw(4) == 0) together.push_back(other.get());
    std::vector<server::Push> pushes;
    for (Van* one : together) pushes.push_back(next_push(*one));
    const auto answers = desk.commit(pushes);
    for (std::size_t i = 0; i < together.size(); ++i) {
      const auto& fault = answers[i].fault;
      if (fault) FAIL(to_string(fault->error.code) << " " << fault->error.message);
      CHECK(answers[i].receipts.size() == pushes[i].change_sets.size());
      pushed += pushes[i].change_sets.size();
      // The answer was lost: all of it comes again.
      if (draw(5) == 0) unanswered_[together[i]->id] = pushes[i].change_sets;
    }
  }

  void step(Van& van) {
    const std::uint64_t what = draw(10);
    if (what < 6) {
      std::vector<Change> changes;
      for (std::uint64_t n = draw(4) + 1; n > 0; --n) {
        changes.push_back(random_change(van));
        changes.back().wall_ms += static_cast<std::int64_t>(draw(7'200'000)) - 3'600'000;
        if (changes.back().ticket.view() == changes.back().target) changes.pop_back();
      }
      if (!changes.empty() && van.sealed.size() < 20) van.seal(std::move(changes));
    } else if (what < 8) {
      push(van);
    } else if (what == 8) {
      push(van);
      van.pull();
    } else if (const std::uint64_t other = draw(12); other == 0) {
      desk.reopen();
    } else if (other < 3) {
      promise();
    } else if (other < 8) {
      REQUIRE(persist_job(*desk.tenant, [&] { return server::look_at_clocks(*desk.tenant); }));
    }
  }

  /// Another version of one of two SLA rules, or of the calendar of one.
  void promise() {
    sync::Record record;
    record.id.bytes.fill(static_cast<std::uint8_t>(1 + draw(3)));
    const bool calendar = record.id.bytes[0] == 3;
    record.kind = calendar ? sync::RecordKind::calendar : sync::RecordKind::sla_rule;
    record.name = calendar ? "Office" : "Rule " + std::to_string(record.id.bytes[0]);
    if (calendar) {
      record.attributes = {{"hours", draw(2) == 0 ? "mon-sun 09:00-18:00" : "mon-fri 08:00-20:00"}};
    } else {
      record.attributes = {{"resolution", std::to_string(20 + draw(300)) + "m"}, {"first_response", "30m"}};
      if (draw(2) == 0) record.attributes["calendar"] = "Office";
      if (draw(2) == 0) record.attributes["when"] = "priority=urgent\npriority=high";
      record.deleted = draw(6) == 0;
    }
    Change change;
    change.intent = Intent::record;
    change.record_kind = static_cast<std::uint32_t>(record.kind);
    change.record = sync::encode_record(record);
    desk.act(change);
  }

  std::uint64_t state_;
  std::vector<RecordId> queues_;
  std::vector<OperatorId> operators_;
  std::vector<std::unique_ptr<Van>> vans_;
  std::vector<TicketId> tickets_;
  std::vector<std::pair<sync::ChangeRef, TicketId>> notes_;
  std::map<DeviceId, std::vector<Bytes>> unanswered_;
};

}  // namespace

TEST_CASE("after random pushes every state, message and standing is the fold from zero, and everything verifies",
          "[ingest][property]") {
  const NothingFails calm;
  for (int seed = 1; seed <= rounds_of(12); ++seed) {
    CAPTURE(seed);
    RandomDay random_day(static_cast<std::uint64_t>(seed));
    random_day.run(160);
    CHECK(random_day.pushed > 10);
    CHECK(random_day.desk.differs_from_zero() == "");
    const auto verified = random_day.desk.verify();
    CHECK(verified.findings == std::vector<std::string>{});
    CHECK(verified.gaps == 0);
    CHECK(verified.amendments > 0);
    CHECK(random_day.desk.wrong_members() == "");
    // Looked at as it came, and dropped and looked at once: the same clocks at the same instant.
    const auto clocks = [&] {
      REQUIRE(persist_job(*random_day.desk.tenant, [&] { return server::look_at_clocks(*random_day.desk.tenant); }));
      std::vector<std::string> out;
      auto rows =
          must(random_day.desk.tenant->writer().query("SELECT ticket_id, look_s, colour, due_s, clock FROM sla_clock"));
      while (must(rows.step()))
        out.push_back(to_hex(rows.blob(0)) + " " + std::to_string(rows.int64(1)) + " " + std::to_string(rows.int64(2)) +
                      " " + std::to_string(rows.int64(3)) + " " + std::string(rows.text(4)));
      return out;
    };
    must(random_day.desk.tenant->writer().exec("UPDATE sla_clock SET look_s = 0"));
    const auto kept = clocks();
    must(random_day.desk.tenant->writer().exec("DELETE FROM sla_clock; DELETE FROM meta WHERE name = 'sla_seq'"));
    random_day.desk.reopen();
    CHECK(clocks() == kept);
    CHECK(random_day.desk.verify().findings == std::vector<std::string>{});
  }
}
