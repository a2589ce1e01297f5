// What a host of the C header says of a change: each member that is wrong is named.
#include "change_json.hpp"

#include "support/catch.hpp"
#include "unit/client/client_desk.hpp"

using namespace tern;
using namespace tern::test;

namespace {

struct WrongChange {
  const char* json;
  const char* field;
};

const std::string member_ref = R"({"device":"01010101-0101-0101-0101-010101010101","id":"0101010101010101"})";

Change read_change(ClientDesk& desk, const std::string& json) {
  return must(client::change_from_json(must(parse_json(json)), *desk.commands));
}

}  // namespace

TEST_CASE("a change that is wrong as JSON is refused by the name of what is wrong", "[client][json]") {
  ClientDesk desk;
  desk.add_record(sync::RecordKind::queue, "Field");
  const WrongChange wrong = GENERATE(
      WrongChange{R"([])", "change"}, WrongChange{R"({"intent":"create","colour":"red"})", "colour"},
      WrongChange{R"({"intent":7})", "intent"}, WrongChange{R"({"intent":"fly"})", "intent"},
      WrongChange{R"({"intent":"take","ticket":5})", "ticket"},
      WrongChange{R"({"intent":"take","ticket":"nowhere"})", "ticket"},
      WrongChange{R"({"intent":"set","field":3})", "field"}, WrongChange{R"({"intent":"set","field":"moon"})", "field"},
      WrongChange{R"({"intent":"create","fields":{"moon":"x"}})", "field"},
      WrongChange{R"({"intent":"create","fields":{"subject":[]}})", "subject"},
      WrongChange{R"({"intent":"set","field":"priority","value":"huge"})", "priority"},
      WrongChange{R"({"intent":"set","field":"category","value":"none such"})", "category"},
      WrongChange{R"({"intent":"message","text":1})", "text"}, WrongChange{R"({"intent":"describe","base":1})", "base"},
      WrongChange{R"({"intent":"assign","reason":1})", "reason"}, WrongChange{R"({"intent":"tag","label":1})", "label"},
      WrongChange{R"({"intent":"message","visibility":1})", "visibility"},
      WrongChange{R"({"intent":"message","visibility":"secret"})", "visibility"},
      WrongChange{R"({"intent":"assign","to":1})", "to"},
      WrongChange{R"({"intent":"assign","to":"nobody"})", "operator"},
      WrongChange{R"({"intent":"watch","to":"nobody","contact":true})", "contact"},
      WrongChange{R"({"intent":"move_queue","to":"no queue"})", "queue"},
      WrongChange{R"({"intent":"link","to":"nowhere"})", "ticket"},
      WrongChange{R"({"intent":"message","to":"ann"})", "to"}, WrongChange{R"({"intent":"unlink","kind":1})", "kind"},
      WrongChange{R"({"intent":"link","kind":"cousin"})", "kind"},
      WrongChange{R"({"intent":"log_time","minutes":"ten"})", "minutes"},
      WrongChange{R"({"intent":"hold","wake_at_ms":"soon"})", "wake_at_ms"},
      WrongChange{R"({"intent":"message","from_ms":1})", "from_ms"},
      WrongChange{R"({"intent":"on_site","from_ms":"now"})", "from_ms"},
      WrongChange{R"({"intent":"on_site","to_ms":"now"})", "to_ms"},
      WrongChange{R"({"intent":"on_site","signed_by":1})", "signed_by"},
      WrongChange{R"({"intent":"on_site","contact":1})", "contact"},
      WrongChange{R"({"intent":"on_site","contact":"nobody"})", "contact"},
      WrongChange{R"({"intent":"on_site","signature":1})", "signature"},
      WrongChange{R"({"intent":"on_site","signature":"*"})", "signature"},
      WrongChange{R"({"intent":"message","name":"a.txt"})", "name"},
      WrongChange{R"({"intent":"attach","name":1})", "name"},
      WrongChange{R"({"intent":"attach","media_type":1})", "media_type"},
      WrongChange{R"({"intent":"attach","content_hash":1})", "content_hash"},
      WrongChange{R"({"intent":"attach","content_hash":"00"})", "content_hash"},
      WrongChange{R"({"intent":"message","messages":[]})", "messages"},
      WrongChange{R"({"intent":"split","messages":{}})", "messages"},
      WrongChange{R"({"intent":"split","messages":[{}]})", "target"},
      WrongChange{R"({"intent":"edit_message","target":{"device":"x"}})", "target"});
  CAPTURE(wrong.json);
  const auto read = client::change_from_json(must(parse_json(wrong.json)), *desk.commands);
  REQUIRE_FALSE(read);
  CHECK(read.error().field == wrong.field);
  CHECK_FALSE(read.error().message.empty());
}

TEST_CASE("sizes of files are whole numbers, and a split names its new ticket", "[client][json]") {
  ClientDesk desk;
  const auto attach = [&](const std::string& size) {
    const std::string json =
        R"({"intent":"attach","content_hash":")" + std::string(64, 'a') + R"(","size_bytes":)" + size + "}";
    return client::change_from_json(must(parse_json(json)), *desk.commands);
  };
  CHECK(attach("-1").error().field == "size_bytes");
  CHECK(attach("\"9\"").error().field == "size_bytes");
  CHECK(must(attach("9")).size_bytes == 9);
  const auto split = [&](const std::string& more) {
    const std::string json = R"({"intent":"split","messages":[)" + member_ref + "]" + more + "}";
    return client::changes_from_json(must(parse_json(json)), *desk.commands, desk.env);
  };
  CHECK(split("").error().field == "subject");
  CHECK(split(R"(,"subject":5)").error().field == "subject");
  const auto made = must(split(R"(,"subject":"Lamp")"));
  REQUIRE(made.size() == 2);
  CHECK(made[1].target == Bytes(made[0].ticket.view()));
  CHECK(made[1].targets.size() == 1);
}

TEST_CASE("values are taken as people write them", "[client][json]") {
  ClientDesk desk;
  const TicketId ticket = desk.colleagues_ticket("ann", "pump");
  desk.add_operator("ann");
  desk.add_record(sync::RecordKind::contact, "Mrs Miller");
  desk.add_record(sync::RecordKind::queue, "Field");
  desk.pull();
  const std::string at = R"("ticket":")" + to_uuid_text(ticket.view()) + "\"";
  CHECK(read_change(desk, R"({"intent":"set",)" + at + R"(,"field":"priority","value":"high"})").fields.front().value ==
        "3");
  CHECK(
      read_change(desk, R"({"intent":"set",)" + at + R"(,"field":"custom:done","value":true})").fields.front().value ==
      "1");
  CHECK(read_change(desk, R"({"intent":"set",)" + at + R"(,"field":"custom:count","value":12})").fields.front().value ==
        "12");
  CHECK_FALSE(
      read_change(desk, R"({"intent":"set",)" + at + R"(,"field":"priority","value":null})").fields.front().value);
  CHECK(read_change(desk, R"({"intent":"watch","to":"Mrs Miller","contact":true})").kind == 1);
  CHECK(read_change(desk, R"({"intent":"unwatch","to":"ann"})").kind == 0);
  CHECK_FALSE(read_change(desk, R"({"intent":"move_queue","to":"Field"})").target.empty());
  CHECK(read_change(desk, R"({"intent":"merge","to":")" + to_uuid_text(ticket.view()) + "\"}").target ==
        Bytes(ticket.view()));
  CHECK(read_change(desk, R"({"intent":"message","text":"x"})").visibility == sync::Visibility::team);
  CHECK(read_change(desk, R"({"intent":"message","text":"x","visibility":"restricted"})").visibility ==
        sync::Visibility::restricted);
  CHECK(
      read_change(desk, R"({"intent":"on_site","text":"x","from_ms":1,"to_ms":2,"contact":"Mrs Miller"})").visibility ==
      sync::Visibility::open);
  CHECK(read_change(desk, R"({"intent":"hold","wake_at_ms":77})").number == 77);
  CHECK(read_change(desk, R"({"intent":"approve_estimate","target":)" + member_ref + "}").targets.size() == 1);
}
