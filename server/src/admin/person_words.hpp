// By which words a person is found in what people wrote: whole names, addresses and telephones, also where a program
// wrote them in other letters.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tern/protocol/bytes.hpp"

namespace tern::server::admin {

/// What a text says: as it stands, and as it reads without escapes of JSON, of web addresses and forms, of
/// mail, and out of base64, also one within another. Without regard to case and kind of white space.
std::vector<std::string> readings_of(std::string_view text);
/// The same of every text in a message of Protobuf and in those within; of what is none, as one text.
std::vector<std::string> readings_of_body(ByteView body);

/// Weakly: by a word that is short enough to stand in anybody's texts.
enum class FoundHow : std::uint8_t { no, weakly, plainly };

/// Of one person. What is too short to say anything is left out.
class PersonWords {
public:
  void add_name(std::string_view name);
  void add_address(std::string_view address);
  void add_phone(std::string_view phone);

  [[nodiscard]] FoundHow in(const std::vector<std::string>& readings) const;
  /// For who is asked whether these may go.
  [[nodiscard]] std::vector<std::string> shown() const;

private:
  struct Word {
    std::string text;  // folded; of a telephone its digits
    enum class Kind : std::uint8_t { name, address, phone } kind = Kind::name;
    bool weak = false;
  };
  void add(Word word, std::string_view as_written);
  static bool stands(const Word& word, std::string_view reading);

  std::vector<Word> words_;
  std::vector<std::string> shown_;
};

}  // namespace tern::server::admin
