// A self-signed certificate made on the spot.
#pragma once

#include <string>

namespace tern::test {

/// Files in a directory of their own, gone with the object. Valid for localhost and 127.0.0.1, or for `name` alone.
class TestCertificate {
public:
  explicit TestCertificate(const std::string& name = {});
  ~TestCertificate();
  TestCertificate(const TestCertificate&) = delete;
  TestCertificate& operator=(const TestCertificate&) = delete;

  [[nodiscard]] std::string certificate_file() const { return directory_ + "/cert.pem"; }
  [[nodiscard]] std::string key_file() const { return directory_ + "/key.pem"; }

private:
  std::string directory_;
};

}  // namespace tern::test
