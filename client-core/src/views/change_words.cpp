#include "views/change_words.hpp"

#include "tern/client/views.hpp"
#include "views/name_book.hpp"

namespace tern::client {

using sync::Change;
using sync::Intent;
using sync::RecordKind;

namespace {

std::string name_of(const sync::FieldSetting& setting) {
  const sync::FieldSpec* spec = sync::find_field(setting.field);
  std::string name = spec == nullptr ? "field" : std::string(spec->name);
  return setting.key.empty() ? name : name + ":" + setting.key;
}

std::string value_of(const sync::FieldSetting& setting, NameBook& names) {
  return setting.erased ? "erased" : names.value(setting.field, setting.value);
}

std::string named_or_none(NameBook& names, RecordKind kind, const Bytes& id) {
  return id.empty() ? "none" : names.of(kind, id);
}

/// "95 min, signed by Jo Miller"
std::string on_site_words(const Change& change, NameBook& names) {
  std::string words = std::to_string((change.to_ms - change.from_ms) / 60'000) + " min";
  if (!change.file_name.empty()) return words + ", signed by " + change.file_name;
  if (!change.target.empty()) words += ", signed by " + names.of(RecordKind::contact, change.target);
  return words;
}

}  // namespace

std::string command_word(std::string_view intent) {
  if (intent == "estimate_approved") return "approve";
  if (intent == "estimate_rejected") return "reject";
  std::string word(intent);
  for (char& c : word)
    if (c == '_') c = '-';
  return word;
}

ChangeWords words_of(const Change& change, NameBook& names) {
  ChangeWords words;
  const sync::IntentSpec* spec = sync::find_intent(change.intent);
  words.intent = spec == nullptr ? "unknown" : std::string(spec->name);
  switch (change.intent) {
    case Intent::create:
      for (const sync::FieldSetting& setting : change.fields) {
        if (setting.field == sync::FieldId::subject) words.value = value_of(setting, names);
      }
      break;
    case Intent::set:
      if (change.fields.empty()) break;
      words.field = name_of(change.fields.front());
      words.value = value_of(change.fields.front(), names);
      break;
    case Intent::describe:
      words.field = "description";
      break;
    case Intent::tag:
    case Intent::untag:
      words.value = change.label;
      break;
    case Intent::take:
      words.value = names.of(RecordKind::operator_, names.identity().operator_id.view());
      break;
    case Intent::assign:
      words.value = named_or_none(names, RecordKind::operator_, change.target);
      break;
    case Intent::move_queue:
      words.value = named_or_none(names, RecordKind::queue, change.target);
      break;
    case Intent::watch:
    case Intent::unwatch:
      words.value = names.of(change.kind == 1 ? RecordKind::contact : RecordKind::operator_, change.target);
      break;
    case Intent::link:
    case Intent::unlink:
    case Intent::merge:
    case Intent::unmerge:
    case Intent::split:
      words.value = names.ticket(change.target);
      break;
    case Intent::log_time:
      words.value = std::to_string(change.number) + " min";
      if (change.kind != 0) words.value += change.kind == 1 ? ", answered call" : ", unanswered call";
      break;
    case Intent::estimate:
      words.value = std::to_string(change.number) + " min";
      break;
    case Intent::attach:
      words.value = change.file_name;
      break;
    case Intent::on_site:
      words.value = on_site_words(change, names);
      break;
    default:
      break;
  }
  return words;
}

}  // namespace tern::client
