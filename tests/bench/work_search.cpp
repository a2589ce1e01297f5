// What integrations ask of a large desk: searches, lists, one ticket, figures; and what the search index adds to
// commits. No HTTP: an action is measured from its parameters to its answer as JSON.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <functional>

#include "access/open_tenants.hpp"
#include "ingest/jobs.hpp"
#include "store/tenant_internals.hpp"
#include "tern/sqlite/transaction.hpp"
#include "works.hpp"

namespace tern::bench {
namespace {

using sync::FieldId;
using sync::Intent;

constexpr double search_goal_ms = 50, list_goal_ms = 20, get_ticket_goal_ms = 10, figures_goal_ms = 50;
constexpr std::size_t vocabulary = 100'000;
constexpr std::size_t subject_size = 50, text_size = 200;
constexpr std::size_t operators_count = 40, clients_count = 300, categories = 12;
constexpr std::size_t changes_at_once = 2'000;
constexpr double still_open = 0.1;  // of the tickets: the newest
constexpr std::int64_t between_tickets_ms = 300'000;

struct LargeSize {
  std::size_t tickets = 100'000, messages_per_ticket = 9;  // and the description
  std::size_t commits = 400;                               // of one message, in each of a pair
};

Result<std::vector<RecordId>> load_records(server::ServerCore& core, const std::string& kind, std::size_t count,
                                           const std::function<Json(std::size_t)>& row) {
  Json rows = Json::array();
  for (std::size_t i = 0; i < count; ++i) {
    Json one = row(i);
    one.set("kind", Json(kind));
    one.set("name", Json(fmt::format("{} {}", kind, i)));
    rows.push(std::move(one));
  }
  TERN_TRY(const Json loaded,
           core.administer(Json::object({{"command", Json("record load")}, {"rows", std::move(rows)}})));
  std::vector<RecordId> ids;
  for (const Json& made : loaded["rows"].items())
    ids.push_back(RecordId::or_zero(from_uuid_text(made["id"].as_string()).value_or(Bytes{})));
  return ids;
}

/// The server's directory with its tenant opened by itself, for commits without pushes.
class OpenedTenant {
public:
  static Result<std::unique_ptr<OpenedTenant>> open(const std::string& directory, Environment& environment) {
    auto out = std::make_unique<OpenedTenant>();
    TERN_TRY(out->directory_, server::Directory::open(directory));
    out->tenants_ = std::make_unique<server::OpenTenants>(*out->directory_, "", environment);
    TERN_CHECKED(out->tenants_->open_all());
    return out;
  }
  server::Tenant& tenant() { return *tenants_->all().front(); }

private:
  std::unique_ptr<server::Directory> directory_;
  std::unique_ptr<server::OpenTenants> tenants_;
};

class LargeDesk {
public:
  LargeDesk(Desk& desk, LargeSize size)
      : size_(size),
        environment_(desk.environment()),
        directory_(desk.fresh_path("large")),
        words_(desk.options().seed, vocabulary),
        draws_(desk.options().seed + 7) {}
  ~LargeDesk() {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }
  LargeDesk(const LargeDesk&) = delete;
  LargeDesk& operator=(const LargeDesk&) = delete;

  Result<void> make() {
    say(fmt::format("a desk of {} tickets and {} messages ...", size_.tickets,
                    size_.tickets * (size_.messages_per_ticket + 1)));
    const Stopwatch watch;
    server::ServerOptions options = core_options();
    TERN_CHECKED(
        server::ServerCore::init(options, "bench", "admin@bench.invalid", "only for a benchmark", environment_));
    TERN_CHECKED(make_records(options));
    TERN_TRY(auto opened, OpenedTenant::open(directory_, environment_));
    for (std::size_t i = 0; i < size_.tickets; ++i) TERN_CHECKED(add_ticket(opened->tenant(), i));
    TERN_CHECKED(commit(opened->tenant()));
    TERN_CHECKED(count_for_reports(opened->tenant()));
    TERN_CHECKED(server::maintain(opened->tenant()));
    say(fmt::format("... made in {:.1f} s", watch.seconds()));
    return {};
  }

  [[nodiscard]] server::ServerOptions core_options() const {
    server::ServerOptions options;
    options.directory = directory_;
    options.server_version = "bench";
    options.allow_plain_http = true;
    return options;
  }
  [[nodiscard]] const std::string& directory() const { return directory_; }
  [[nodiscard]] const LargeSize& size() const { return size_; }
  [[nodiscard]] const Words& words() const { return words_; }
  [[nodiscard]] Draws& draws() { return draws_; }
  BenchEnvironment& environment() { return environment_; }

  server::ServerChange message(const TicketId& ticket, sync::Visibility visibility, bool by_client = false) {
    server::ServerChange out = by(Intent::message, ticket, draws_.below(operators_count));
    out.change.visibility = visibility;
    out.change.text = words_.text(draws_, text_size);
    if (!by_client) return out;
    out.acting = {};
    out.change.principal_kind = sync::PrincipalKind::contact;
    out.change.principal_id = Bytes(contacts_[draws_.below(contacts_.size())].view());
    return out;
  }
  TicketId some_ticket() { return tickets_[draws_.below(tickets_.size())]; }

private:
  /// What the dashboard counts: batches of that size leave it to the clock's second.
  static Result<void> count_for_reports(server::Tenant& tenant) {
    for (;;) {
      TERN_TRY(const std::size_t looked, server::look_at_clocks(tenant));
      if (looked == 0) return {};
    }
  }

  Result<void> make_records(const server::ServerOptions& options) {
    TERN_TRY(auto core, server::ServerCore::open(options, environment_));
    TERN_TRY(
        operators_, load_records(*core, "operator", operators_count, [](std::size_t i) {
          return Json::object({{"role", Json("supervisor")}, {"email", Json(fmt::format("o{}@bench.invalid", i))}});
        }));
    TERN_TRY(categories_, load_records(*core, "category", categories, [](std::size_t i) {
               return Json::object({{"attributes", Json::object({{"code", Json(fmt::format("code-{}", i))}})}});
             }));
    TERN_TRY(clients_, load_records(*core, "organisation", clients_count, [](std::size_t i) {
               return Json::object(
                   {{"attributes", Json::object({{"portal_domain", Json(fmt::format("client-{}.example", i))}})}});
             }));
    TERN_TRY(contacts_, load_records(*core, "contact", 2 * clients_count, [](std::size_t i) {
               return Json::object(
                   {{"attributes",
                     Json::object({{"organisation", Json(fmt::format("organisation {}", i % clients_count))}})}});
             }));
    return {};
  }

  [[nodiscard]] server::ServerChange by(Intent intent, const TicketId& ticket, std::size_t who) const {
    server::ServerChange out;
    out.change.intent = intent;
    out.change.ticket = ticket;
    out.change.seen_now = true;
    out.change.principal_kind = sync::PrincipalKind::operator_;
    out.change.principal_id = Bytes(operators_[who].view());
    out.acting = OperatorId::or_zero(operators_[who].view());
    return out;
  }

  Result<void> add_ticket(server::Tenant& tenant, std::size_t number) {
    const auto id = random_id<TicketId>(environment_);
    tickets_.push_back(id);
    environment_.advance(between_tickets_ms);
    const std::size_t who = draws_.below(operators_count);
    server::ServerChange create = by(Intent::create, id, who);
    create.change.text = words_.text(draws_, text_size);
    const auto set = [&](FieldId field, Bytes value) {
      create.change.fields.push_back({field, {}, std::move(value), false});
    };
    set(FieldId::subject, words_.text(draws_, subject_size));
    set(FieldId::priority, std::to_string(1 + draws_.below(4)));
    set(FieldId::category, Bytes(categories_[draws_.below(categories_.size())].view()));
    set(FieldId::contact, Bytes(contacts_[draws_.below(contacts_.size())].view()));
    if (draws_.below(2) == 0) set(FieldId::organisation, Bytes(clients_[draws_.below(clients_.size())].view()));
    waiting_.push_back(std::move(create));
    waiting_.push_back(by(Intent::take, id, who));
    for (std::size_t i = 0; i < size_.messages_per_ticket; ++i)
      waiting_.push_back(message(id, i % 3 == 2 ? sync::Visibility::team : sync::Visibility::open, i % 3 == 1));
    const bool open = static_cast<double>(number) >= static_cast<double>(size_.tickets) * (1 - still_open);
    waiting_.push_back(by(open ? (number % 2 == 0 ? Intent::start : Intent::hold) : Intent::resolve, id, who));
    if (!open && number % 8 != 0) waiting_.push_back(by(Intent::close, id, who));
    return waiting_.size() < changes_at_once ? Result<void>{} : commit(tenant);
  }
  Result<void> commit(server::Tenant& tenant) {
    if (waiting_.empty()) return {};
    return server::commit_server(tenant, std::exchange(waiting_, {})).map([](const auto&) {});
  }

  LargeSize size_;
  BenchEnvironment& environment_;
  std::string directory_;
  Words words_;
  Draws draws_;
  std::vector<RecordId> operators_, categories_, clients_, contacts_;
  std::vector<TicketId> tickets_;
  std::vector<server::ServerChange> waiting_;
};

// ---- what is asked ----

Json list(std::initializer_list<Json::Member> members) {
  Json out = Json::object({{"command", Json("api list_tickets")}});
  for (const auto& [name, value] : members) out.set(name, value);
  return out;
}

/// One in ten for words that stand in very many tickets, one or two of them; the others for what people look for: words
/// that are not frequent, two of them, the beginning of one, one within what is open.
std::vector<Json> searches(LargeDesk& desk, std::size_t count, const char* sort) {
  std::vector<Json> out;
  Draws& draws = desk.draws();
  const auto common = [&] { return desk.words().word(draws.below(20)); };
  const auto usual = [&] { return desk.words().word(1'000 + draws.below(vocabulary - 1'000)); };
  for (std::size_t i = 0; i < count; ++i) {
    std::string words = usual();
    if (i % 10 == 0) words = i % 20 == 0 ? common() : common() + " " + common();
    if (i % 10 == 1 || i % 10 == 2) words += " " + desk.words().word(100 + draws.below(2'000));
    if (i % 10 == 3) words = words.substr(0, 4);
    Json query = list({{"search", Json(words)}, {"sort", Json(sort)}});
    if (i % 10 == 4) query.set("status", Json("active"));
    out.push_back(std::move(query));
  }
  return out;
}

std::vector<Json> lists(LargeDesk& desk, std::size_t count) {
  std::vector<Json> out;
  Draws& draws = desk.draws();
  for (std::size_t i = 0; i < count; ++i) {
    const Json who(1 + draws.below(operators_count)),
        portal(fmt::format("client-{}.example", draws.below(clients_count)));
    switch (i % 10) {
      case 0:
        out.push_back(list({}));
        break;
      case 1:
        out.push_back(list({{"status", Json("active")}}));
        break;
      case 2:
        out.push_back(list({{"status", Json("active")}, {"assigned_to", who}}));
        break;
      case 3:
        out.push_back(list({{"portal_domain", portal}}));
        break;
      case 4:
        out.push_back(list({{"category", Json(fmt::format("code-{}", draws.below(categories)))}}));
        break;
      case 5:
        out.push_back(list({{"priority", Json("urgent")}, {"status", Json("new")}}));
        break;
      case 6:
        out.push_back(list({{"status", Json("done")}, {"page", Json(2 + draws.below(20))}}));
        break;
      case 7:
        out.push_back(list({{"sort", Json("updated")}}));
        break;
      case 8:
        out.push_back(list({{"status", Json("active")}, {"sort", Json("priority")}}));
        break;
      default:
        out.push_back(list({{"portal_domain", portal}, {"status", Json("active")}, {"limit", Json(100)}}));
    }
  }
  return out;
}

Result<Row> ask(server::ServerCore& core, const std::vector<Json>& questions, std::string name, std::string title,
                std::optional<double> goal) {
  std::vector<double> samples_ms;
  std::pair<double, std::string> slowest;
  for (const Json& question : questions) {
    const Stopwatch watch;
    TERN_TRY(const Json answer, core.administer(question));
    samples_ms.push_back(watch.seconds() * 1e3);
    if (samples_ms.back() > slowest.first) slowest = {samples_ms.back(), to_text(question)};
  }
  Row row;
  row.name = std::move(name);
  row.title = std::move(title);
  row.value = quantile(samples_ms, 0.95);
  row.unit = "ms p95";
  row.goal = goal;
  row.goal_of = GoalOf::value;
  row.detail = Json::object({{"p50_ms", Json(rounded(median(samples_ms)))},
                             {"max_ms", Json(rounded(slowest.first))},
                             {"slowest", Json(slowest.second)}});
  return row;
}

Result<void> ask_all(LargeDesk& desk, Report& report, bool quick) {
  TERN_TRY(auto core, server::ServerCore::open(desk.core_options(), desk.environment()));
  const std::size_t count = quick ? 40 : 400;
  const auto add = [&](const std::vector<Json>& questions, const char* name, const char* title,
                       std::optional<double> goal) -> Result<void> {
    if (!report.wants(name)) return {};
    TERN_TRY(Row row, ask(*core, questions, name, title, quick ? std::nullopt : goal));
    report.add(std::move(row));
    return {};
  };
  TERN_CHECKED(add(searches(desk, count, "newest"), "search", "a search, the newest first", search_goal_ms));
  TERN_CHECKED(add(searches(desk, count, "relevance"), "search_ranked", "the same by relevance", search_goal_ms));
  TERN_CHECKED(add(lists(desk, count), "list", "a page of tickets by filter", list_goal_ms));
  std::vector<Json> tickets;
  for (std::size_t i = 0; i < count; ++i)
    tickets.push_back(Json::object(
        {{"command", Json("api get_ticket")}, {"ticket_id", Json(1 + desk.draws().below(desk.size().tickets))}}));
  TERN_CHECKED(add(tickets, "get_ticket", "one ticket with its messages", get_ticket_goal_ms));
  const auto again = [&](const char* command) {
    return std::vector<Json>(quick ? 5 : 40, Json::object({{"command", Json(command)}}));
  };
  TERN_CHECKED(add(again("api dashboard"), "figures", "the dashboard", figures_goal_ms));
  return add(again("api list_clients"), "figures_clients", "clients with their figures", figures_goal_ms);
}

// ---- what the index costs ----

/// The same commits with the index and without: then tickets count as not filled in yet.
Result<void> measure_commits(LargeDesk& desk, Report& report, std::size_t pairs) {
  if (!report.wants("index")) return {};
  TERN_TRY(auto opened, OpenedTenant::open(desk.directory(), desk.environment()));
  server::Tenant& tenant = opened->tenant();
  const std::uint64_t all = tenant.internals().lists_to;
  for (const std::size_t changes : {std::size_t{1}, std::size_t{100}}) {
    Pairs time, cpu;
    const std::size_t commits = std::max<std::size_t>(desk.size().commits / changes, 4);
    const auto run = [&](bool with_index, double& seconds, double& cpu_seconds) -> Result<void> {
      std::vector<std::vector<server::ServerChange>> work(commits);
      for (auto& set : work)
        for (std::size_t i = 0; i < changes; ++i)
          set.push_back(desk.message(desk.some_ticket(), sync::Visibility::open));
      tenant.internals().lists_to = with_index ? all : 0;
      const Stopwatch watch;
      for (auto& set : work) TERN_CHECKED(server::commit_server(tenant, std::move(set)));
      seconds = watch.seconds() / static_cast<double>(commits);
      cpu_seconds = watch.cpu_seconds() / static_cast<double>(commits);
      return {};
    };
    for (std::size_t pair = 0; pair < pairs; ++pair) {
      double floor = 0, work = 0, cpu_floor = 0, cpu_work = 0;
      TERN_CHECKED(run(false, floor, cpu_floor));
      TERN_CHECKED(run(true, work, cpu_work));
      time.add(floor * 1e3, work * 1e3);
      cpu.add(cpu_floor, cpu_work);
    }
    Row row = row_of(
        fmt::format("index_{}", changes),
        fmt::format("commits of {} message{}, with and without the search index", changes, changes == 1 ? "" : "s"),
        time, "ms", std::nullopt);
    row.detail = Json::object({{"cpu_ratio", Json(rounded(cpu.ratio()))}});
    report.add(std::move(row));
  }
  return {};
}

Result<void> measure_file(LargeDesk& desk, Report& report) {
  if (!report.wants("index")) return {};
  TERN_TRY(auto opened, OpenedTenant::open(desk.directory(), desk.environment()));
  TERN_TRY(auto connection, opened->tenant().reader());
  TERN_TRY(const auto words, connection.db().int64_of("SELECT sum(length(block)) FROM words_data"));
  TERN_TRY(const auto pages, connection.db().int64_of("PRAGMA page_count"));
  TERN_TRY(const auto page_size, connection.db().int64_of("PRAGMA page_size"));
  Row row;
  row.name = "index_size";
  row.title = "the search index, and its share of tern.db";
  constexpr double mb = 1e6;
  row.value = static_cast<double>(words.value_or(0)) / mb;
  row.unit = "MB";
  row.floor = static_cast<double>(pages.value_or(0) * page_size.value_or(0)) / mb;
  row.ratio = row.value / *row.floor;
  report.add(std::move(row));
  return {};
}

}  // namespace

Result<void> measure_search(Desk& desk, Report& report) {
  const auto asked = {"search", "search_ranked", "list", "get_ticket", "figures", "figures_clients", "index"};
  if (std::ranges::none_of(asked, [&](const char* name) { return report.wants(name); })) return {};
  const bool quick = desk.options().quick;
  LargeSize size = quick ? LargeSize{1'000, 4, 50} : LargeSize{};
  size.tickets = desk.options().large_tickets.value_or(size.tickets);
  size.messages_per_ticket = desk.options().large_messages.value_or(size.messages_per_ticket);
  LargeDesk large(desk, size);
  TERN_CHECKED(large.make());
  TERN_CHECKED(ask_all(large, report, quick));
  TERN_CHECKED(measure_file(large, report));
  return measure_commits(large, report, desk.options().pairs());
}

}  // namespace tern::bench
