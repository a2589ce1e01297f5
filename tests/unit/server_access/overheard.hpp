// A core of which a test hears all that it answers.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ingest/committer.hpp"
#include "support/must.hpp"
#include "tern/protocol/json.hpp"
#include "tern/protocol/zstd.hpp"
#include "tern/server/http.hpp"
#include "tern/server/server_core.hpp"

namespace tern::test {

/// Something that came out, and where.
struct Heard {
  std::string place;  // "create_api_key", "command key add", "GET /metrics", "refusal", "log" ...
  std::string text;   // all of it, headers too
  std::string body;   // where it answers with JSON that is no refusal
  std::string asked;  // for the one who reads of a failure
};

class HandlerHeard final : public server::Handler {
public:
  HandlerHeard(server::Handler& inner, std::vector<Heard>& heard) : inner_(inner), heard_(heard) {}
  server::HeadVerdict on_head(const server::Request& head) override {
    auto verdict = inner_.on_head(head);
    if (const auto* refused = std::get_if<server::Response>(&verdict))
      hear(head.method + " " + head.path, *refused, {});
    return verdict;
  }
  server::Response handle(server::Request&& request, std::any context) override {
    const std::string asked = must(request.body.read_all());
    const std::string place = place_of(request, asked);
    server::Response answer = inner_.handle(std::move(request), std::move(context));
    hear(place, answer, asked);
    return answer;
  }
  void handle_async(server::Request&& request, std::any context, server::Reply reply) override {
    reply(handle(std::move(request), std::move(context)));
  }
  server::UpgradeVerdict on_upgrade(const server::Request& head) override { return inner_.on_upgrade(head); }
  void on_edge_answer(const std::any& context, server::Response& answer) override {
    inner_.on_edge_answer(context, answer);
  }

private:
  /// By the action, whichever form the body has.
  static std::string place_of(const server::Request& request, const std::string& asked) {
    const auto body = parse_json(asked, {.decimals = true});
    const std::string action = body ? (*body)["action"].as_string() : std::string();
    if (action.empty()) return request.method + " " + request.path;
    const std::string door = request.path.starts_with("/api/client")   ? "client."
                             : request.path.starts_with("/api/widget") ? "widget."
                                                                       : "";
    return door + action;
  }
  void hear(const std::string& place, const server::Response& answer, const std::string& asked) {
    std::string text;
    for (const auto& [name, value] : answer.headers()) text += name + ": " + value + "\n";
    const bool packed = answer.header("content-encoding") == "zstd";
    text += packed ? must(protocol::decompress(answer.body)) : answer.body;
    if (answer.file()) text += must(answer.file()->read_at(answer.file_offset(), answer.file_bytes()));
    const bool good = answer.status < 400;
    heard_.push_back({good ? place : "refusal", text, good ? answer.body : std::string(), place + " " + asked});
  }

  server::Handler& inner_;
  std::vector<Heard>& heard_;
};

/// Asked beside HTTP its answers are heard as those of "command NAME".
class CoreHeard final : public server::ServerCore {
public:
  CoreHeard(std::unique_ptr<server::ServerCore> inner, std::vector<Heard>& heard)
      : inner_(std::move(inner)), handler_(inner_->handler(), heard), heard_(heard) {}
  server::Handler& handler() override { return handler_; }
  Result<Json> administer(const Json& command, const std::function<bool()>& stop) override {
    auto answer = inner_->administer(command, stop);
    const std::string name = command["command"].as_string();
    if (answer)
      heard_.push_back({"command " + name, to_text(*answer), to_text(*answer), to_text(command)});
    else
      heard_.push_back({"refusal",
                        answer.error().message + "\n" + answer.error().hint + "\n" + answer.error().field,
                        {},
                        to_text(command)});
    return answer;
  }
  Result<void> found_public_url(const std::string& url) override { return inner_->found_public_url(url); }
  void tick() override { inner_->tick(); }
  void use_committer(std::unique_ptr<server::Committer> committer) override {
    inner_->use_committer(std::move(committer));
  }
  void use_push_executor(std::function<void(std::function<void()>)> run_later) override {
    inner_->use_push_executor(std::move(run_later));
  }
  void use_answer_executor(std::function<void(std::function<void()>)> run_later) override {
    inner_->use_answer_executor(std::move(run_later));
  }
  void use_egress(server::Egress& egress, std::function<void(std::function<void()>)> run_later,
                  std::size_t at_once) override {
    inner_->use_egress(egress, std::move(run_later), at_once);
  }
  void close_streams() override { inner_->close_streams(); }
  std::string metrics() override { return inner_->metrics(); }
  void add_metrics(std::function<std::string()> more) override { inner_->add_metrics(std::move(more)); }
  const server::Log& log() const override { return inner_->log(); }

private:
  std::unique_ptr<server::ServerCore> inner_;
  HandlerHeard handler_;
  std::vector<Heard>& heard_;
};

}  // namespace tern::test
