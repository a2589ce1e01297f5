// make_home DIR: an enrolled device with two tickets of its server, as the tests of the C header find it.
#include <cstdio>

#include "support/fake_server.hpp"
#include "support/virtual_environment.hpp"
#include "tern/client/client.hpp"

using namespace tern;
using namespace tern::client;

namespace {

sync::Change create(const std::string& subject, const std::string& text) {
  sync::Change change;
  change.intent = sync::Intent::create;
  change.fields = {{sync::FieldId::subject, {}, subject, false}};
  change.text = text;
  return change;
}

Result<void> make_home(const std::string& home) {
  test::VirtualEnvironment environment(7);
  test::FakeServer server(environment);
  EnrolmentRequest request;
  request.home = home;
  request.server_url = "https://desk.example";
  request.code = server.new_code();
  request.device_name = "van";
  request.platform = "linux";
  TERN_CHECKED(enrol(request, server, environment, [](const EnrolmentOffer&) { return true; }));
  ClientOptions options;
  options.home = home;
  TERN_TRY(auto client, Client::open(options, environment));
  TERN_CHECKED(client->commands().save({create("pump leaks", "since Monday")}));
  TERN_CHECKED(client->commands().save({create("fan hums", "")}));
  TERN_CHECKED(client->engine().run_round(server));
  return {};
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) return 2;
  const auto made = make_home(arguments[1]);
  if (!made) std::fprintf(stderr, "%s\n", made.error().message.c_str());
  return made ? 0 : 1;
}
