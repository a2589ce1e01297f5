#include "views/library.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>

#include "finder.hpp"
#include "replica/replica.hpp"
#include "search/words.hpp"
#include "tern/sync/list_view.hpp"

namespace tern::client {
namespace {

using sync::Record;
using sync::RecordKind;

const std::string& written(const Record& record, const char* name) {
  static const std::string none;
  const auto found = record.attributes.find(name);
  return found == record.attributes.end() ? none : found->second;
}

template <typename Number>
Number number_of(std::string_view text) {
  Number value = 0;
  const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), value);
  return bad == std::errc{} && end == text.data() + text.size() ? value : 0;
}

QuickReply quick_reply_of(const Record& record) {
  return {record.id, record.name, written(record, "shortcut"), written(record, "content"), !record.refs.empty()};
}

Macro macro_of(const Record& record) {
  Macro out{record.id, record.name, written(record, "content"), {}};
  std::string_view rest = written(record, "actions");
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    if (end > 0) out.actions.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return out;
}

ListFilter filter_of(const sync::ListTerms& terms) {
  ListFilter out;
  out.status = terms.status;
  out.priority = terms.priority;
  out.queue = terms.queue;
  out.assignee = terms.assignee;
  out.category = terms.category;
  out.colour = terms.colour;
  out.tag = terms.tag;
  out.text = terms.text;
  out.age = terms.age;
  if (!terms.sort.empty()) out.sort = terms.sort;
  out.descending = !terms.ascending;
  return out;
}

Result<SavedView> view_of(const Record& record) {
  TERN_TRY(const sync::ListTerms terms, sync::list_terms(record));
  return SavedView{record.id, record.name, written(record, "folder"), !record.refs.empty(), filter_of(terms)};
}

Article article_of(const Record& record) {
  return {record.id,
          record.integer_id,
          record.name,
          written(record, "category"),
          written(record, "content"),
          number_of<std::int64_t>(written(record, "updated_ms"))};
}

std::vector<std::string> folded_words(std::string_view text) {
  std::vector<std::string> words = words_in(text);
  for (std::string& word : words) word = fold_case(word);
  return words;
}

/// Each of `wanted` among the words, the last of them as a beginning.
bool holds_words(const std::vector<std::string>& words, const std::vector<std::string>& wanted) {
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const bool last = i + 1 == wanted.size();
    const bool there = std::ranges::any_of(
        words, [&](const std::string& word) { return last ? word.starts_with(wanted[i]) : word == wanted[i]; });
    if (!there) return false;
  }
  return true;
}

Result<Record> record_named(Replica& replica, const DeviceIdentity& self, RecordKind kind, std::string_view name) {
  TERN_TRY(const RecordId id, find_record(replica, kind, name, self));
  TERN_TRY(auto record, replica.record(kind, id));
  if (!record)
    return fail(ErrorCode::not_found, "this device knows no " + std::string(sync::to_string(kind)) + " of that name");
  return std::move(*record);
}

}  // namespace

Result<std::vector<QuickReply>> quick_replies(Replica& replica) {
  TERN_TRY(const auto records, replica.records(RecordKind::quick_reply));
  std::vector<QuickReply> out;
  for (const Record& record : records) out.push_back(quick_reply_of(record));
  return out;
}

Result<QuickReply> quick_reply(Replica& replica, const DeviceIdentity& self, std::string_view name) {
  TERN_TRY(const auto all, quick_replies(replica));
  const std::string folded = fold_case(name);
  const QuickReply* found = nullptr;
  for (const QuickReply& reply : all) {
    if (reply.shortcut.empty() || fold_case(reply.shortcut) != folded) continue;
    if (found == nullptr || (reply.personal && !found->personal)) found = &reply;  // one's own comes first
  }
  for (const QuickReply& reply : all)
    if (found == nullptr && reply.personal && fold_case(reply.name) == folded) found = &reply;
  if (found != nullptr) return *found;
  TERN_TRY(const Record record, record_named(replica, self, RecordKind::quick_reply, name));
  return quick_reply_of(record);
}

Result<std::vector<Macro>> macros(Replica& replica) {
  TERN_TRY(const auto records, replica.records(RecordKind::macro));
  std::vector<Macro> out;
  for (const Record& record : records) out.push_back(macro_of(record));
  return out;
}

Result<std::vector<SavedView>> saved_views(Replica& replica) {
  std::vector<SavedView> out;
  for (const sync::StandingView& standing : sync::standing_views())
    out.push_back({{}, std::string(standing.name), {}, false, filter_of(standing.terms)});
  TERN_TRY(auto records, replica.records(RecordKind::view));
  std::ranges::stable_sort(records, {}, [](const Record& record) {  // they come by name
    return std::pair(fold_case(written(record, "folder")), number_of<std::int64_t>(written(record, "position")));
  });
  for (const Record& record : records)
    if (auto view = view_of(record)) out.push_back(std::move(*view));
  return out;
}

Result<SavedView> saved_view(Replica& replica, const DeviceIdentity& self, std::string_view name) {
  TERN_TRY(auto all, saved_views(replica));
  const std::string folded = fold_case(name);
  SavedView* found = nullptr;
  for (SavedView& view : all) {
    if (fold_case(view.name) != folded) continue;
    if (found == nullptr || (view.personal && !found->personal)) found = &view;
  }
  if (found != nullptr) return std::move(*found);
  TERN_TRY(const Record record, record_named(replica, self, RecordKind::view, name));
  return view_of(record);
}

Result<std::vector<Article>> articles(Replica& replica, std::string_view text) {
  std::vector<std::string> wanted = folded_words(text);
  if (wanted.size() > search_words_max) wanted.resize(search_words_max);
  TERN_TRY(const auto records, replica.records(RecordKind::kb_article));  // by title
  std::vector<Article> titled, others;
  for (const Record& record : records) {
    std::vector<std::string> words = folded_words(record.name);
    if (holds_words(words, wanted)) {
      titled.push_back(article_of(record));
      continue;
    }
    for (std::string& word : folded_words(written(record, "category"))) words.push_back(std::move(word));
    for (std::string& word : folded_words(written(record, "content"))) words.push_back(std::move(word));
    if (holds_words(words, wanted)) others.push_back(article_of(record));
  }
  std::ranges::move(others, std::back_inserter(titled));
  return titled;
}

Result<Article> article(Replica& replica, const DeviceIdentity& self, std::string_view name) {
  if (const auto number = number_of<std::uint64_t>(name.starts_with('#') ? name.substr(1) : name); number != 0) {
    TERN_TRY(const auto records, replica.records(RecordKind::kb_article));
    const auto found = std::ranges::find(records, number, &Record::integer_id);
    if (found != records.end()) return article_of(*found);
  }
  TERN_TRY(const Record record, record_named(replica, self, RecordKind::kb_article, name));
  return article_of(record);
}

}  // namespace tern::client
