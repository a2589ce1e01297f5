// By which words a person is found: whole ones, in whatever letters a program wrote them.
#include "admin/person_words.hpp"
#include "support/catch.hpp"
#include "tern/protocol/base64.hpp"
#include "tern/sync/change.hpp"

namespace tern::test {
namespace {

using server::admin::FoundHow;
using server::admin::PersonMatcher;
using server::admin::PersonWords;

FoundHow found_in(const PersonWords& words, const std::vector<std::string>& readings) {
  const auto found = PersonMatcher({&words}).in(readings);
  return found.empty() ? FoundHow::no : found.front().how;
}

bool is_named_in(const PersonWords& words, const std::string& text) {
  return found_in(words, server::admin::readings_of(text)) != FoundHow::no;
}

}  // namespace

TEST_CASE("a person is found by whole names, addresses and telephones, not by parts of other words",
          "[server][admin][person]") {
  PersonWords ann;
  ann.add_name("Ann Lee");
  ann.add_name("Anne");
  for (const char* text : {"Ann Lee called", "of ANN LEE's", "(ann\t lee)", "Ann\nLee", "Ann\xC2\xA0Lee", "Anne!"}) {
    INFO(text);
    CHECK(is_named_in(ann, text));
  }
  for (const char* text : {"the annual fee", "Joann Lee", "Ann Leeds", "Annexe", "\xC3\xA4nne", "Ann, Lee"}) {
    INFO(text);
    CHECK_FALSE(is_named_in(ann, text));
  }
  PersonWords other;
  other.add_name("\xC3\x84nne M\xC3\xBCller");             // in whatever case
  other.add_name("\xE7\x8E\x8B\xE5\xB0\x8F\xE6\x98\x8E");  // of a script without spaces
  CHECK(is_named_in(other, "fragt \xC3\xA4nne m\xC3\x9Cller nach"));
  CHECK(is_named_in(other, "A\xCC\x88nne Mu\xCC\x88ller"));  // marks of their own
  CHECK(is_named_in(other, "\xE4\xBD\xA0\xE5\xA5\xBD\xE7\x8E\x8B\xE5\xB0\x8F\xE6\x98\x8E\xE5\x85\x88\xE7\x94\x9F"));

  PersonWords nobody;  // what stands in a record where nothing is known
  nobody.add_phone("none");
  nobody.add_address("unknown");
  CHECK_FALSE(is_named_in(nobody, "none, unknown"));

  PersonWords joe;
  joe.add_address("joe@x.example");
  joe.add_phone("+49 30 5550199");
  for (const char* text : {"<JOE@x.example>", "mailto:joe@x.example.", "...joe@x.example", "0049-30/5550199",
                           "tel:+49305550199,", "(+49) 30 555 01 99"}) {
    INFO(text);
    CHECK(is_named_in(joe, text));
  }
  for (const char* text : {"anna.joe@x.example", "joe@x.examples", "my-joe@x.example", "493055501990", "1493055501990",
                           "49 30 5550 198"}) {
    INFO(text);
    CHECK_FALSE(is_named_in(joe, text));
  }

  // What is short stands in anybody's texts, what is shorter says nothing.
  PersonWords jo;
  jo.add_name("Jo");
  CHECK(found_in(jo, server::admin::readings_of("call Jo")) == FoundHow::weakly);
  CHECK(found_in(jo, server::admin::readings_of("John")) == FoundHow::no);
  jo.add_name("J");
  CHECK(jo.shown().size() == 1);
}

TEST_CASE("a telephone is found whatever signs stand in it, with and without its extension",
          "[server][admin][person]") {
  PersonWords plain, extended, several;
  plain.add_phone("+49 30 5550199");
  for (const std::string& text :
       {std::string("49\xC2\xA0"
                    "30\xC2\xA0"
                    "5550199"),
        std::string("+49\xE2\x80\x91"
                    "30 \xE2\x80\x93 5550199"),  // U+2011, U+2013
        std::string("49\xE2\x88\x92"
                    "30\xE2\x80\xAF"
                    "555\xC2\xB7"
                    "01\xE2\x80\x8B"
                    "99"),
        std::string("49_30_5550199"), std::string("+49 (0)30 5550199"), std::string("+49 (0) 30 5550199"),
        std::string("+49 30 5550199 ext. 5"), std::string("+49 30 5550199x5"), std::string("+49 30 5550199#5"),
        std::string("+49 30 5550199-5")}) {
    INFO(text);
    CHECK(is_named_in(plain, text));
  }
  for (const char* text : {"49 30 5550 ext. 199", "49, 30, 5550199", "4930555019", "49 30 55501995"}) {
    INFO(text);
    CHECK_FALSE(is_named_in(plain, text));
  }
  for (const char* as_written : {"+49 30 5550199 ext. 5", "+49 30 5550199x5", "+49 (0)30 5550199 #5",
                                 "tel:+49-30-5550199;ext=5", "+49 30 5550199, Durchwahl 5"}) {
    PersonWords words;
    words.add_phone(as_written);
    INFO(as_written);
    for (const char* text : {"+49 30 5550199", "+49 30 5550199 x5", "+49 30 5550199-5", "493055501995"})
      CHECK(is_named_in(words, text));
    CHECK_FALSE(is_named_in(words, "no 5"));
  }
  several.add_phone("+49 30 5550199; +49 171 1234567");
  CHECK(is_named_in(several, "49-171-1234567"));
  CHECK(is_named_in(several, "49-30-5550199"));
  CHECK(several.shown().size() == 1);
}

TEST_CASE("of many persons a text is of those whom it names, each once and as plainly as it does",
          "[server][admin][person]") {
  std::vector<PersonWords> all(600);
  std::vector<const PersonWords*> persons;
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i].add_name("Person " + std::to_string(i));
    all[i].add_address("person" + std::to_string(i) + "@x.example");
    all[i].add_phone("+49 30 55" + std::to_string(10'000 + i));
    persons.push_back(&all[i]);
  }
  all[7].add_name("Jo");
  const PersonMatcher matcher(persons);
  const auto named = [&](const std::string& text) {
    std::vector<std::pair<std::size_t, bool>> out;
    for (const auto& [person, how] : matcher.in(server::admin::readings_of(text)))
      out.emplace_back(person, how == FoundHow::plainly);
    return out;
  };
  using Named = std::vector<std::pair<std::size_t, bool>>;
  CHECK(named("of PERSON 12 and person 599, person599@x.example, 0049 30/5510077") ==
        Named{{12, true}, {77, true}, {599, true}});
  CHECK(named("jo said so") == Named{{7, false}});
  CHECK(named("jo, who is Person 7") == Named{{7, true}});
  CHECK(named("Person 600, person, 49 30 55") == Named{});
}

TEST_CASE("a person is found where a program wrote them in escapes, for the web, for mail or in base64",
          "[server][admin][person]") {
  PersonWords words;
  words.add_name("J\xC3\xB6rg Meyer");
  words.add_address("joerg@x.example");
  const std::string plain = "J\xC3\xB6rg Meyer", line = "from " + plain + " at noon";
  const std::string encoded = to_base64(line);
  for (const std::string& text :
       {std::string("{\"name\":\"J\\u00f6rg Meyer\"}"), std::string("name=J%C3%B6rg+Meyer&x=1"),
        std::string("to=joerg%40x.example"), std::string("J=C3=B6rg Mey=\r\ner"),
        std::string("=?utf-8?Q?J=C3=B6rg_Meyer?="),
        "=?utf-8?B?" + encoded + "?=", "body: " + encoded.substr(0, 16) + "\r\n" + encoded.substr(16),
        "{\"raw\":\"" + to_base64("name=J%C3%B6rg+Meyer") + "\"}",
        std::string("{\"text\":\"one\\nJ\\u00f6rg\\nMeyer\"}")}) {
    INFO(text);
    CHECK(is_named_in(words, text));
  }
  CHECK_FALSE(is_named_in(words, "100 % of nobody = nothing \\u12 %zz =zz \\"));
}

TEST_CASE("a person is found in each text of a change, wherever that begins", "[server][admin][person]") {
  PersonWords words;
  words.add_name("Canary Nightingale");
  for (std::size_t length = 20; length < 140; ++length) {
    sync::Change change;
    change.intent = sync::Intent::message;
    change.text = "Canary Nightingale" + std::string(length - 18, '.');
    const auto encoded = sync::encode_change(change);
    INFO(length);
    CHECK(found_in(words, server::admin::readings_of_body(encoded.body)) == FoundHow::plainly);
  }
  CHECK(found_in(words, server::admin::readings_of_body("\xFF\xFF no message of Canary Nightingale")) ==
        FoundHow::plainly);
}

}  // namespace tern::test
