// One call of `ternd`, as parsed: plain values, so that CLI11 stays in main.cpp.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tern/protocol/json.hpp"

namespace tern::apps {

struct Invocation {
  std::string command;  // "init", "serve", "sla cases", or an administration command's name
  std::string data;
  bool json = false, csv = false;

  // init
  std::string tenant, admin, recovery_out, zone = "UTC";
  bool password_stdin = false, encrypt = false;

  // serve
  std::string listen = "127.0.0.1:8470", public_url, tls_cert, tls_key, metrics_listen;
  std::vector<std::string> egress_allow;
  std::string egress_ca;
  std::uint64_t workers = 8;
  bool quiet = false;

  // sla cases
  std::string case_file;

  // administration: what goes to ServerCore::administer
  Json administration;
};

int run_init(const Invocation& call);
int run_serve(const Invocation& call);
int run_sla_cases(const Invocation& call);
int run_administration(const Invocation& call);

}  // namespace tern::apps
