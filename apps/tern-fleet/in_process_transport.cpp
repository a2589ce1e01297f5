#include "in_process_transport.hpp"

namespace tern::fleet {
namespace {

client::HttpAnswer to_answer(const server::Response& response) {
  client::HttpAnswer answer;
  answer.status = response.status;
  for (const auto& header : response.headers()) answer.headers.emplace_back(header.name, header.value);
  answer.body = response.body;
  return answer;
}

}  // namespace

Result<client::HttpAnswer> InProcessTransport::send(const client::HttpRequest& original) {
  client::HttpRequest sent = original;
  if (tamper_request) tamper_request(sent);
  server::Request request;
  request.method = sent.method;
  request.target = sent.target;
  request.path = sent.target.substr(0, sent.target.find('?'));
  if (const auto mark = sent.target.find('?'); mark != std::string::npos) request.query = sent.target.substr(mark + 1);
  for (const auto& [name, value] : sent.headers) request.headers.push_back({name, value});
  request.content_length = sent.body.size();
  request.peer_address = "127.0.0.1";
  request.request_id = "replay-" + std::to_string(++sent_);

  if (request.path == "/sync/v1/exchange") ++exchanges_;

  auto verdict = handler_.on_head(request);
  client::HttpAnswer answer;
  if (auto* refusal = std::get_if<server::Response>(&verdict)) {
    answer = to_answer(*refusal);
  } else {
    auto& accept = std::get<server::HeadAccept>(verdict);
    if (sent.body.size() > accept.body_bytes_max)
      return fail(ErrorCode::no_connection, "The server would not read a body of that size.");
    request.body = server::RequestBody(sent.body);
    answer = to_answer(handler_.handle(std::move(request), accept.context));
  }
  if (tamper_answer) tamper_answer(answer);
  return answer;
}

}  // namespace tern::fleet
