#include "unit/edge/refused_bytes.hpp"

namespace tern::test {

const std::string smuggled_request = "GET /smuggled HTTP/1.1\r\nHost: t\r\n\r\n";

namespace {

std::string get(const std::string& headers) {
  return "GET /echo HTTP/1.1\r\nHost: t\r\n" + headers + "\r\n";
}

std::string many_headers(int count) {
  std::string out;
  for (int i = 0; i < count; ++i) out += "X-" + std::to_string(i) + ": 1\r\n";
  return out;
}

}  // namespace

std::vector<RefusedBytes> refused_bytes(const std::string& path) {
  const auto post = [&path](const std::string& headers, const std::string& body = {}) {
    return "POST " + path + " HTTP/1.1\r\nHost: t\r\nContent-Type: application/octet-stream\r\n" + headers + "\r\n" +
           body;
  };
  const std::string& second = smuggled_request;
  return {
      // Row 1 to 4: framing (F3).
      {"1", "TE and CL", post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n" + second), 400,
       "framing_ambiguous"},
      {"1", "CL and TE", post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n" + second), 400,
       "framing_ambiguous"},
      {"2", "two CL", post("Content-Length: 5\r\nContent-Length: 0\r\n", second), 400, "framing_ambiguous"},
      {"2", "two equal CL", post("Content-Length: 0\r\nContent-Length: 0\r\n", second), 400, "framing_ambiguous"},
      {"3", "negative CL", post("Content-Length: -5\r\n", second), 400, "content_length_invalid"},
      {"3", "CL of words", post("Content-Length: abc\r\n", second), 400, "content_length_invalid"},
      {"3", "CL of 20 digits", post("Content-Length: 18446744073709551620\r\n", second), 400, "content_length_invalid"},
      {"3", "CL list", post("Content-Length: 0, 0\r\n", second), 400, "content_length_invalid"},
      {"3", "CL with plus", post("Content-Length: +0\r\n", second), 400, "content_length_invalid"},
      {"3", "empty CL", post("Content-Length:\r\n", second), 400, "content_length_invalid"},
      {"4", "space before the colon", post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n" + second), 400,
       "framing_ambiguous"},
      {"4", "gzip, chunked", post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n" + second), 501,
       "transfer_coding_unsupported"},
      {"4", "two TE", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", second), 400,
       "framing_ambiguous"},
      {"4", "TE identity", post("Transfer-Encoding: identity\r\n", second), 501, "transfer_coding_unsupported"},
      {"4", "TE with a trick", post("Transfer-Encoding: \vchunked\r\n", second), 400, "header_value_invalid"},
      {"4", "TE in HTTP/1.0",
       "POST " + path + " HTTP/1.0\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + second, 400,
       "framing_ambiguous"},
      {"", "bad chunk size", post("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\nzz\r\n\r\n" + second), 400,
       "chunk_invalid"},
      {"", "chunk without line end", post("Transfer-Encoding: chunked\r\n", "5\r\nhelloXX0\r\n\r\n" + second), 400,
       "chunk_invalid"},
      {"", "chunk with one wrong byte after it",
       post("Transfer-Encoding: chunked\r\n", "5\r\nhelloX\n0\r\n\r\n" + second), 400, "chunk_invalid"},
      {"", "chunk with CR and another byte after it",
       post("Transfer-Encoding: chunked\r\n", "5\r\nhello\rX0\r\n\r\n" + second), 400, "chunk_invalid"},
      {"", "chunk size with LF only", post("Transfer-Encoding: chunked\r\n", "5\nhello\r\n0\r\n\r\n" + second), 400,
       "chunk_invalid"},
      {"", "chunk extension", post("Transfer-Encoding: chunked\r\n", "5;a=b\r\nhello\r\n0\r\n\r\n" + second), 400,
       "chunk_invalid"},
      {"", "chunk trailer", post("Transfer-Encoding: chunked\r\n", "0\r\nX: y\r\n\r\n" + second), 400, "chunk_invalid"},
      {"", "chunk size of 9 digits", post("Transfer-Encoding: chunked\r\n", "100000000\r\n" + second), 400,
       "chunk_invalid"},
      // Lines.
      {"", "folding", get("X-A: 1\r\n  2\r\n") + second, 400, "framing_ambiguous"},
      {"", "bare LF", "GET /echo HTTP/1.1\r\nHost: t\nX: y\r\n\r\n" + second, 400, "framing_ambiguous"},
      {"", "bare CR", "GET /echo HTTP/1.1\r\nHost: t\r\nX: a\rb\r\n\r\n" + second, 400, "framing_ambiguous"},
      {"", "no colon", get("nonsense\r\n") + second, 400, "framing_ambiguous"},
      {"", "empty name", get(": 1\r\n") + second, 400, "framing_ambiguous"},
      {"", "space in a name", get("X A: 1\r\n") + second, 400, "header_name_invalid"},
      {"", "NUL in a name", get(std::string("X\0A: 1\r\n", 8)) + second, 400, "header_name_invalid"},
      // Row 6: values (F1, F2).
      {"6", "encoded word", get("X-Foo: =?utf-8?B?DQpTZXQtQ29va2llOiBldmlsPTE=?=\r\n") + second, 400,
       "header_value_invalid"},
      {"6", "encoded word in UTF-32", get("X-Foo: =?utf-32?B?/////////////////////w==?=\r\n") + second, 400,
       "header_value_invalid"},
      {"6", "NUL in a value", get(std::string("X: a\0b\r\n", 8)) + second, 400, "header_value_invalid"},
      {"6", "DEL in a value", get("X: a\x7f\r\n") + second, 400, "header_value_invalid"},
      // Row 7: sizes.
      {"7", "101 headers", get(many_headers(100)) + second, 431, "headers_too_large"},
      {"7", "value of 9 KiB", get("X: " + std::string(9 * 1024, 'v') + "\r\n") + second, 431, "headers_too_large"},
      {"7", "48 KiB of headers", get("X: " + std::string(60 * 1024, 'v')), 431, "headers_too_large"},
      {"7", "URI of 17 KiB", "GET /" + std::string(17 * 1024, 'u') + " HTTP/1.1\r\nHost: t\r\n\r\n" + second, 414,
       "uri_too_long"},
      {"7", "URI without end", "GET /" + std::string(17 * 1024, 'u'), 414, "uri_too_long"},
      // Row 8: version and host (F5).
      {"8", "HTTX/9", "GET / HTTX/9\r\nHost: t\r\n\r\n" + second, 505, "http_version"},
      {"8", "HTTP/9.9", "GET / HTTP/9.9\r\nHost: t\r\n\r\n" + second, 505, "http_version"},
      {"8", "HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "http_version"},
      {"8", "no version", "GET /echo\r\nHost: t\r\n\r\n" + second, 400, "request_line_invalid"},
      {"8", "two spaces", "GET  /echo HTTP/1.1\r\nHost: t\r\n\r\n" + second, 400, "request_line_invalid"},
      {"8", "empty line first", "\r\nGET /echo HTTP/1.1\r\nHost: t\r\n\r\n" + second, 400, "request_line_invalid"},
      {"8", "no Host", "GET /echo HTTP/1.1\r\nX: y\r\n\r\n" + second, 400, "host_required"},
      {"8", "no headers at all", "GET /echo HTTP/1.1\r\n\r\n" + second, 400, "host_required"},
      {"8", "two Hosts", get("Host: other\r\n") + second, 400, "host_required"},
      {"8", "empty Host", "GET /echo HTTP/1.1\r\nHost:\r\n\r\n" + second, 400, "host_required"},
      {"8", "Host with a path", "GET /echo HTTP/1.1\r\nHost: a/b\r\n\r\n" + second, 400, "host_required"},
      // Targets and methods.
      {"", "absolute target", "GET http://t/echo HTTP/1.1\r\nHost: t\r\n\r\n" + second, 400, "target_invalid"},
      {"", "fragment", "GET /echo#x HTTP/1.1\r\nHost: t\r\n\r\n" + second, 400, "target_invalid"},
      {"", "bytes in the target", "GET /\xc3\xa4 HTTP/1.1\r\nHost: t\r\n\r\n" + second, 400, "target_invalid"},
      {"", "CONNECT", "CONNECT t:80 HTTP/1.1\r\nHost: t\r\n\r\n" + second, 501, "method_unsupported"},
      {"", "TRACE", "TRACE / HTTP/1.1\r\nHost: t\r\n\r\n" + second, 501, "method_unsupported"},
      {"", "lower-case method", "get / HTTP/1.1\r\nHost: t\r\n\r\n" + second, 501, "method_unsupported"},
      {"", "garbage", "\x16\x03\x01\x02\r\n\r\n", 400, "request_line_invalid"},
      // Credentials that could mean two things.
      {"", "two Tern-Auth", get("Tern-Auth: a\r\nTern-Auth: b\r\n") + second, 400, "header_repeated"},
      {"", "two API keys", get("X-Api-Key: a\r\nx-api-key: b\r\n") + second, 400, "header_repeated"},
      {"", "two client's tokens", get("X-Client-Token: a\r\nX-Client-Token: a\r\n") + second, 400, "header_repeated"},
      {"", "other expectation", post("Expect: miracles\r\nContent-Length: 1\r\n", "x" + second), 417,
       "expectation_failed"},
      // Handshakes.
      {"", "WebSocket of version 8",
       get("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 8\r\nSec-WebSocket-Key: "
           "dGhlIHNhbXBsZSBub25jZQ==\r\n") +
           second,
       400, "upgrade_invalid"},
      {"", "WebSocket without key",
       get("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n") + second, 400,
       "upgrade_invalid"},
  };
}

}  // namespace tern::test
