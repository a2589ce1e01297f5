// What each intent needs, may carry and is refused for: the same where it is made and where it arrives.
#include "support/catch.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/sync/change.hpp"
#include "unit/sync/refusals.hpp"

using namespace tern;
using namespace tern::sync;
using namespace tern::sync::sample;

TEST_CASE("a create needs a subject; a set sets exactly one field that may be set", "[sync][change]") {
  Change no_subject = create("x");
  no_subject.fields = {{FieldId::priority, "", "2", false}};
  CHECK(refusal_of(no_subject) == invalid("subject"));
  no_subject.fields.clear();
  CHECK(refusal_of(no_subject) == invalid("fields"));
  Change twice = create("x");
  twice.fields.push_back(twice.fields[0]);
  CHECK(refusal_of(twice) == invalid("subject"));

  Change two = set(FieldId::priority, "3");
  two.fields.push_back({FieldId::type, "", "bug", false});
  CHECK(refusal_of(two) == invalid("fields"));
  CHECK(refusal_of(set(FieldId::category, std::nullopt)) == fine);
  CHECK(refusal_of(set(FieldId::custom, std::nullopt, "impact")) == fine);
  CHECK(refusal_of(set(FieldId::custom, std::nullopt, "")) == invalid("custom"));
  CHECK(refusal_of(set(FieldId::category, std::nullopt, "key")) == invalid("category"));
  CHECK(refusal_of(set(FieldId::subject, std::nullopt)) == invalid("subject"));
  CHECK(refusal_of(set(FieldId::priority, "9")) == invalid("priority"));
}

TEST_CASE("no field that is ruled by a claim, an intent or the server can be set or created", "[sync][change]") {
  for (const FieldSpec& spec : all_fields()) {
    INFO(spec.name);
    Change change = set(spec.id, raw(queue(1)), spec.keyed ? "key" : "");
    if (spec.writer == Writer::device) continue;
    CHECK(refusal_of(change) == invalid(std::string(spec.name)));
    change = create("x");
    change.fields.push_back({spec.id, "", std::nullopt, false});
    CHECK(refusal_of(change) == invalid(std::string(spec.name)));
  }
}

TEST_CASE("a message needs a visibility and a text of at most 64 KiB", "[sync][change]") {
  CHECK(refusal_of(message("x", Visibility::unspecified)) == invalid("visibility"));
  CHECK(refusal_of(message("")) == invalid("text"));
  CHECK(refusal_of(message(std::string(65'536, 'x'))) == fine);
  CHECK(refusal_of(message(std::string(65'537, 'x'))) == too_large("text"));
  CHECK(refusal_of(message("u\xcc\x88")) == invalid("text"));
  CHECK(refusal_of(message(std::string("a\0b", 3))) == invalid("text"));
}

TEST_CASE("results and reasons are at most 8 KiB, of any number of lines, and may be empty", "[sync][change]") {
  for (const Intent intent : {Intent::resolve, Intent::hold, Intent::reopen, Intent::estimate, Intent::log_time}) {
    Change change = smallest(intent);
    CHECK(refusal_of(change) == fine);
    change.text = std::string(8'192, 'x');
    CHECK(refusal_of(change) == fine);
    change.text += 'x';
    CHECK(refusal_of(change) == too_large("text"));
  }
  Change assign = change(Intent::assign);
  assign.reason = "on leave\nuntil Monday";
  CHECK(refusal_of(assign) == fine);
  assign.reason = std::string(8'193, 'x');
  CHECK(refusal_of(assign) == too_large("reason"));
}

TEST_CASE("a report from on site says when and what, and who signed where there is a signature", "[sync][change]") {
  Change report = smallest(Intent::on_site);
  CHECK(refusal_of(report) == fine);
  report.signature = std::string("\x89PNG\r\n\x1a\n drawn", 14);
  report.media_type = "image/png";
  CHECK(refusal_of(report) == invalid("name"));
  report.file_name = "Jo Miller";
  CHECK(refusal_of(report) == fine);
  report.file_name.clear();
  report.target = raw(person(3));
  CHECK(refusal_of(report) == fine);
  const auto after = travel(report);
  REQUIRE(after.has_value());
  CHECK(after->from_ms == report.from_ms);
  CHECK(after->to_ms == report.to_ms);
  CHECK(after->signature == report.signature);
  CHECK(after->target == report.target);

  const auto but = [&report](auto&& differ) {
    Change change = report;
    differ(change);
    return refusal_of(change);
  };
  CHECK(but([](Change& c) { c.text.clear(); }) == invalid("text"));
  CHECK(but([](Change& c) { c.text = std::string(8'193, 'x'); }) == too_large("text"));
  CHECK(but([](Change& c) { c.visibility = Visibility::restricted; }) == invalid("visibility"));
  CHECK(but([](Change& c) { c.from_ms = c.to_ms = 0; }) == invalid("from_ms"));
  CHECK(but([](Change& c) { c.from_ms = -1; }) == invalid("from_ms"));
  CHECK(but([](Change& c) { c.to_ms = c.from_ms - 1; }) == invalid("to_ms"));
  CHECK(but([](Change& c) { c.to_ms = INT64_MAX; }) == invalid("to_ms"));
  CHECK(but([](Change& c) { c.media_type = "image/svg+xml"; }) == invalid("media_type"));
  CHECK(but([](Change& c) { c.media_type.clear(); }) == invalid("media_type"));
  CHECK(but([](Change& c) { c.signature = "<svg onload=alert(1)>"; }) == invalid("signature"));
  CHECK(but([](Change& c) { c.signature.clear(); }) == invalid("signature"));
  CHECK(but([](Change& c) { c.signature.resize(32'768); }) == fine);
  CHECK(but([](Change& c) { c.signature.resize(32'769); }) == too_large("signature"));
}

TEST_CASE("minutes are between 1 and 100000", "[sync][change]") {
  for (const Intent intent : {Intent::log_time, Intent::estimate}) {
    Change change = smallest(intent);
    for (const std::int64_t minutes : {std::int64_t{-1}, std::int64_t{100'001}, INT64_MAX, INT64_MIN}) {
      change.number = minutes;
      CHECK(refusal_of(change) == invalid("number"));
    }
    change.number = 0;
    CHECK(refusal_of(change) == invalid("number"));
    change.number = 100'000;
    CHECK(refusal_of(change) == fine);
  }
}

TEST_CASE("a hold wakes at a time of this calendar or never", "[sync][change]") {
  Change hold = change(Intent::hold);
  hold.number = 1'700'000'000'000;
  CHECK(refusal_of(hold) == fine);
  hold.number = -1;
  CHECK(refusal_of(hold) == invalid("number"));
  hold.number = INT64_MAX;
  CHECK(refusal_of(hold) == invalid("number"));
}

TEST_CASE("an intent carries nothing it has no use for", "[sync][change]") {
  Change take = change(Intent::take);
  take.target = raw(person(3));
  CHECK(refusal_of(take) == invalid("ref"));
  Change start = change(Intent::start);
  start.text = "why";
  CHECK(refusal_of(start) == invalid("text"));
  start = change(Intent::start);
  start.fields = {{FieldId::priority, "", "3", false}};
  CHECK(refusal_of(start) == invalid("fields"));
  start = change(Intent::start);
  start.label = "pump";
  CHECK(refusal_of(start) == invalid("label"));
  Change record = with_record(change(Intent::record));
  record.ticket = ticket(1);
  CHECK(refusal_of(record) == invalid("ticket_id"));
}

TEST_CASE("a ticket is merged, linked and split into another one only", "[sync][change]") {
  for (const Intent intent : {Intent::merge, Intent::link, Intent::unlink, Intent::split, Intent::merged_from,
                              Intent::unmerge, Intent::unmerged_from}) {
    Change change = smallest(intent);
    change.target = raw(change.ticket);
    CHECK(refusal_of(change) == invalid("ref"));
    change.target.clear();
    CHECK(refusal_of(change) == invalid("ref"));
  }
}

TEST_CASE("targets are other changes, each once, as many as the intent has a use for", "[sync][change]") {
  Change edit = smallest(Intent::edit_message);
  edit.targets.push_back({device(2), id<ChangeId>(8)});
  CHECK(refusal_of(edit) == invalid("targets"));
  edit.targets = {edit.ref};
  CHECK(refusal_of(edit) == invalid("targets"));
  edit.targets.clear();
  CHECK(refusal_of(edit) == invalid("targets"));
  Change erase = smallest(Intent::erase);
  erase.targets.push_back(erase.targets[0]);
  CHECK(refusal_of(erase) == invalid("targets"));
}

TEST_CASE("a target without a device is one of the author's own changes", "[sync][change]") {
  Change edit = smallest(Intent::edit_message);
  edit.targets = {{edit.ref.device, id<ChangeId>(8)}};
  CHECK(halves(edit).skeleton.targets(0).device_id().empty());
  const auto after = travel(edit);
  REQUIRE(after.has_value());
  CHECK(after->targets == edit.targets);
}

TEST_CASE("a tag that is not in its kept form is refused", "[sync][change]") {
  Change tag = change(Intent::tag);
  tag.label = "Pump";
  CHECK(refusal_of(tag) == invalid("tags"));
  tag.label = std::string(65, 'x');
  CHECK(refusal_of(tag) == invalid("tags"));
  tag.label.clear();
  CHECK(refusal_of(tag) == invalid("label"));
}

TEST_CASE("provisional numbers have their form", "[sync][change]") {
  Change create_one = create("x");
  for (const std::string_view number : {"T-2026-x1-1", "T-12026-xA7-12"}) {
    create_one.provisional_number = number;
    CHECK(refusal_of(create_one) == fine);
  }
  for (const std::string& number : {std::string("T-2026-0001"), std::string("T-2026-x-1"), std::string("T-26-x1-1"),
                                    std::string("T-2026-x1-"), std::string("T-2026-x1"), std::string("x"),
                                    std::string("T-2026-x1-1\n"), "T-2026-x" + std::string(40, '1') + "-1"}) {
    INFO(number);
    create_one.provisional_number = number;
    CHECK(refusal_of(create_one) == invalid("provisional_number"));
  }
}

TEST_CASE("a change does not depend on itself", "[sync][change]") {
  Change loop = message("x");
  loop.after = {loop.ref.id};
  CHECK(refusal_of(loop) == invalid("after"));
}

TEST_CASE("a record is whole and of the kind it says", "[sync][change]") {
  Change record = with_record(change(Intent::record));
  record.record_kind = 3;
  CHECK(refusal_of(record) == invalid("record_kind"));
  record = with_record(change(Intent::record));
  record.target = raw(queue(5));
  CHECK(refusal_of(record) == invalid("ref"));
  record.target = raw(queue(4));
  CHECK(refusal_of(record) == fine);
  record.record = "\xff";
  CHECK_FALSE(refusal_of(record) == fine);
}

TEST_CASE("a principal has a kind and an id, and asserted times are of this calendar", "[sync][change]") {
  Change imported = message("from the old system");
  imported.principal_kind = PrincipalKind::contact;
  CHECK(refusal_of(imported) == invalid("principal_id"));
  imported.principal_id = raw(person(3));
  CHECK(refusal_of(imported) == fine);
  imported.principal_kind = PrincipalKind::unspecified;
  CHECK(refusal_of(imported) == invalid("principal_id"));
  imported = message("x");
  imported.asserted_ms = -1;
  CHECK(refusal_of(imported) == invalid("asserted_ms"));
  imported.asserted_ms = 1'456'700'000'000;
  CHECK(refusal_of(imported) == fine);
}
