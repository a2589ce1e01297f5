// Certificates for tests, made by openssl.
#pragma once

#include <string>

#include "support/catch.hpp"
#include "support/process.hpp"

namespace tern::test {

/// A certificate authority of its own and a certificate of it for `name` ("IP:127.0.0.1").
struct Authority {
  Authority(const TempDir& folder, const std::string& called, const std::string& name)
      : ca(folder.file(called + "-ca.pem")),
        certificate(folder.file(called + "-cert.pem")),
        key(folder.file(called + "-key.pem")) {
    const std::string script =
        "cd \"$1\" && new='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'\n"
        "openssl req -x509 $new -keyout \"$2-ca.key\" -out \"$2-ca.pem\" -days 2 -subj \"/CN=$2\" -addext "
        "basicConstraints=critical,CA:TRUE &&\n"
        "openssl req $new -keyout \"$2-key.pem\" -out \"$2.csr\" -subj /CN=desk && echo \"subjectAltName=$3\" "
        ">\"$2.ext\" &&\n"
        "openssl x509 -req -in \"$2.csr\" -CA \"$2-ca.pem\" -CAkey \"$2-ca.key\" -CAcreateserial -out \"$2-cert.pem\" "
        "-days 2 -extfile \"$2.ext\"\n";
    const Ended made = run({{"/bin/sh", "-c", script, "sh", folder.path(), called, name}});
    INFO(made.err);
    REQUIRE(made.exit_code == 0);
  }
  std::string ca, certificate, key;
};

}  // namespace tern::test
