// By which words a person is found in what people wrote: whole names, addresses and telephones, also where a program
// wrote them in other letters.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
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
  struct Word {
    std::string text;  // folded; of a telephone its digits
    enum class Kind : std::uint8_t { name, address, phone } kind = Kind::name;
    bool weak = false;
  };

  void add_name(std::string_view name);
  void add_address(std::string_view address);
  /// One or several, each with or without an extension.
  void add_phone(std::string_view phone);

  [[nodiscard]] const std::vector<Word>& words() const { return words_; }
  /// For who is asked whether these may go.
  [[nodiscard]] std::vector<std::string> shown() const;

private:
  void add(Word word, std::string_view as_written);
  void add_digits(std::string digits, std::string_view as_written);

  std::vector<Word> words_;
  std::vector<std::string> shown_;
};

/// The words of all persons of one look, looked for together: a text is read once, however many they are.
class PersonMatcher {
public:
  /// They outlive it, and get no words meanwhile.
  explicit PersonMatcher(const std::vector<const PersonWords*>& persons);

  struct Found {
    std::size_t person = 0;
    FoundHow how = FoundHow::no;
  };
  /// Whom a text names, each once. Gives nobody whom it does not name.
  [[nodiscard]] std::vector<Found> in(const std::vector<std::string>& readings) const;

private:
  struct Candidate {
    std::size_t person = 0;
    const PersonWords::Word* word = nullptr;
  };
  using ByStart = std::unordered_map<std::uint32_t, std::vector<Candidate>>;
  using Best = std::vector<FoundHow>;

  void look_at(std::string_view reading, Best& best) const;
  void look_at_digits(std::string_view reading, bool without_trunk, Best& best) const;

  std::size_t persons_ = 0;
  std::vector<bool> begins_;              // by the first two bytes: whether there is a name or an address
  ByStart by_two_, by_four_, by_digits_;  // names and addresses by their first bytes, telephones by their first digits
};

}  // namespace tern::server::admin
