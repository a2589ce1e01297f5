#include <fstream>

#include "support/catch.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/protocol/zstd.hpp"
#include "unit/edge/refused_bytes.hpp"
#include "unit/hostile/rows.hpp"

namespace tern::test {
namespace {

const std::string octets = "Content-Type: application/octet-stream\r\n";
const std::string protobuf = "Content-Type: application/x-protobuf\r\n";

std::string announced(HostileRig& rig, const std::string& path, std::size_t body_bytes) {
  return rig.send("POST " + path + " HTTP/1.1\r\nHost: t\r\n" + octets +
                  "Content-Length: " + std::to_string(body_bytes) + "\r\n\r\n");
}

std::string announced_under_session(HostileRig& rig) {
  const auto van = rig.device();
  v1::ExchangeRequest request;
  request.set_page_token(Bytes(2 * limits::mib, 'x'));
  return rig.exchange(*van, request);
}

std::string eleventh_enrolment(HostileRig& rig) {
  const Bytes request = Device::enrolment_request(rig.house, "0000-0000-0000-0000",
                                                  protocol::SigningKey::generate(rig.house.environment));
  std::string said;
  for (int i = 0; i < 11; ++i) said = rig.post("/sync/v1/enrol", octets, request);
  return said;
}

std::string session_id_as(HostileRig& rig, const std::string& header) {
  const auto van = rig.device();
  return rig.post("/sync/v1/exchange", header + to_hex(van->session) + "\r\n" + protobuf, "x");
}

std::string full_disk(HostileRig& rig) {
  const auto van = rig.device();
  const Bytes set = van->seal({van->create(random_id<TicketId>(rig.house.environment))});
  rig.fill_disk();
  return rig.push(*van, set);
}

std::string busy_for_a_set(HostileRig& rig) {
  const auto van = rig.device();
  const Bytes set = van->seal({van->create(random_id<TicketId>(rig.house.environment))});
  rig.write_elsewhere();
  return rig.push(*van, set);
}

std::string import_of(HostileRig& rig, const std::string& csv) {
  const std::string path = rig.house.folder.file("log.csv");
  std::ofstream(path, std::ios::binary) << csv;
  return rig.command(cmd("import incidents", {{"file", Json(path)}}));
}

/// 1 GiB of zeros, by the frame's own word; 32 KiB of it are there.
Bytes bomb() {
  const Bytes packed = protocol::compress(Bytes(3 * limits::mib, '\0'));
  Bytes out;
  while (out.size() < 32 * limits::kib) out += packed;
  return out;
}

void add_framing(std::vector<Row>& rows) {
  for (const RefusedBytes& refused : refused_bytes("/sync/v1/hello")) {
    const std::string bytes = refused.bytes;
    rows.push_back({refused.row, refused.name, [bytes](HostileRig& rig) { return rig.send(bytes); },
                    std::to_string(refused.status) + " " + refused.code, Line::closes, ""});
  }
}

}  // namespace

std::vector<Row> http_rows() {
  std::vector<Row> rows;
  add_framing(rows);
  const auto header = [](const std::string& name) {
    return [name](HostileRig& rig) { return session_id_as(rig, name); };
  };
  const auto csv = [](const std::string& text) { return [text](HostileRig& rig) { return import_of(rig, text); }; };
  std::string wide;
  for (int i = 0; i < 10'001; ++i) wide += "c,";
  const std::vector<Row> more = {
      {"9", "a head of one byte after the other", [](HostileRig& rig) { return rig.trickle(); }, "408 head_timeout",
       Line::closes, ""},
      {"10", "one byte too many for a handshake",
       [](HostileRig& rig) { return announced(rig, "/sync/v1/hello", 4 * limits::kib + 1); }, "413 body_too_large",
       Line::closes, ""},
      {"10", "too much for an exchange, under its session", announced_under_session, "413 body_too_large", Line::closes,
       ""},
      {"10", "a body for a route that takes none",
       [](HostileRig& rig) { return rig.send("GET /healthz HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\n\r\n"); },
       "413 body_too_large", Line::closes, ""},
      {"", "32 KiB of zstd that would be much more",
       [](HostileRig& rig) {
         return rig.post("/sync/v1/enrol", octets + "Content-Encoding: zstd\r\n", bomb().substr(0, 1000));
       },
       "400 MALFORMED", Line::stays, ""},
      {"", "another content type",
       [](HostileRig& rig) { return rig.post("/sync/v1/hello", "Content-Type: text/plain\r\n", "x"); },
       "415 content_type", Line::closes, ""},
      {"", "bytes that are no handshake", [](HostileRig& rig) { return rig.post("/sync/v1/hello", octets, "\x01x"); },
       "400 MALFORMED", Line::stays, ""},
      {"19a", "a session's id as a token", header("X-Mobile-Token: "), "401 mac_required", Line::closes, ""},
      {"19a", "a session's id as a bearer", header("Authorization: Bearer "), "401 mac_required", Line::closes, ""},
      {"19a", "a session's id as a cookie", header("Cookie: sid="), "401 mac_required", Line::closes, ""},
      {"20", "the eleventh enrolment in a minute", eleventh_enrolment, "429 rate_limited", Line::stays, ""},
      {"57", "CSV with a quote that is never closed",
       csv("number,incident_state,sys_updated_by,sys_updated_at,priority\n\"INC1,1\n"),
       "csv_invalid: line 3, column 1: a quote is never closed.", Line::stays, ""},
      {"57", "CSV of 10,001 columns", csv(wide + "\n"), "csv_invalid: line 1, column 200: more than 200 cells.",
       Line::stays, ""},
      {"57", "CSV in UTF-16", csv(std::string("\xff\xfen\0u\0m\0", 8)),
       "csv_invalid: line 1, column 1: a NUL byte; this is no CSV text.", Line::stays, ""},
      {"57", "CSV with a NUL", csv(std::string("number,a\0b\n", 11)),
       "csv_invalid: line 1, column 2: a NUL byte; this is no CSV text.", Line::stays, ""},
      {"57", "CSV with a NUL in quotes", csv(std::string("number,\"a\0b\"\n", 13)),
       "csv_invalid: line 1, column 2: a NUL byte; this is no CSV text.", Line::stays, ""},
      {"60", "a handler that throws", [](HostileRig& rig) { return rig.send("GET /bug HTTP/1.1\r\nHost: t\r\n\r\n"); },
       "500 internal", Line::stays, ""},
      {"60", "a disk without room", full_disk, "507 storage_full", Line::stays, ""},
      {"60", "a set while another program writes", busy_for_a_set, "503 busy", Line::stays, ""},
  };
  rows.insert(rows.end(), more.begin(), more.end());
  return rows;
}

std::vector<RowElsewhere> rows_elsewhere() {
  return {
      {"45", "an inconsistent head from the server",
       "a server that went back without a word of its root is not followed", "ErrorCode::server_rollback"},
      {"45", "a log of the same size that is another", "a log of the same size with another root is a rollback",
       "ErrorCode::server_rollback"},
      {"60", "more requests than may wait", "more requests than may wait get 503 and a time to come back",
       "status == 503"},
      {"27", "a webhook whose name leads to the inside",
       "what is not allowed is not connected to: inner addresses, other ports, other certificates",
       "\"not_permitted: the address is an inner one\""},
      {"53", "mail with a good token of a foreign sender",
       "a mail of somebody else makes another ticket, linked, whatever it refers to", "\"related\""},
      {"54", "mail of a machine that answers ours", "what a program wrote is taken, and never answered",
       "box.mails.size() == mails"},
      {"60", "no place for a body", "no place for a large body is an answer, not an accident", "\"internal\""},
  };
}

std::vector<LaterRow> later_rows() {
  return {
      // The edge lets the header through, and the canonical request of a session covers it; no action asks for it.
      {"23", "If-Match that is stale", {"server/src/api"}, {"if-match", "if_match"}},
  };
}

std::vector<LaterRow> later_scenarios() {
  return {
      {"15",
       "local web: a foreign Host, a foreign Origin, no cookie",
       {"apps", "client-core"},
       {"add_subcommand(\"web\"", "set-cookie", "local_web"}},
  };
}

}  // namespace tern::test
