#include "rating/rating_page.hpp"

#include <array>

#include "http/html_text.hpp"
#include "http/own_page.hpp"

namespace tern::server {
namespace {

constexpr int scores = 5;

struct PageWords {
  std::string_view title, request, scale, comment, send;
  std::array<std::string_view, 4> said;  // thanks, gone, wrong, and come back later
};

// In the order of LetterLanguage.
constexpr PageWords page_words[] = {
    {"Rating",
     "Request {number}",
     "1 is bad, 5 is very good",
     "A comment, if you like",
     "Send the rating",
     {"Thank you. Your rating has arrived.",
      "This link cannot be used: it was used before, is over, or is not complete.",
      "That is no rating from 1 to 5. Open the link in the mail again.", "That did not work. Try again later."}},
    {"Оцінка",
     "Запит {number}",
     "1 — погано, 5 — дуже добре",
     "Коментар, якщо бажаєте",
     "Надіслати оцінку",
     {"Дякуємо. Вашу оцінку отримано.", "Це посилання не діє: його вже використано, воно застаріло або неповне.",
      "Це не оцінка від 1 до 5. Відкрийте посилання з листа ще раз.", "Не вдалося. Спробуйте пізніше."}},
    {"Оценка",
     "Запрос {number}",
     "1 — плохо, 5 — очень хорошо",
     "Комментарий, если хотите",
     "Отправить оценку",
     {"Спасибо. Ваша оценка получена.", "Эта ссылка не действует: её уже использовали, она устарела или неполна.",
      "Это не оценка от 1 до 5. Откройте ссылку из письма ещё раз.", "Не получилось. Попробуйте позже."}},
    {"Баға",
     "{number} өтініші",
     "1 — нашар, 5 — өте жақсы",
     "Қаласаңыз, пікіріңіз",
     "Бағаны жіберу",
     {"Рақмет. Бағаңыз қабылданды.", "Бұл сілтеме жарамсыз: ол қолданылған, мерзімі өткен немесе толық емес.",
      "Бұл 1-ден 5-ке дейінгі баға емес. Хаттағы сілтемені қайта ашыңыз.", "Болмады. Кейінірек көріңіз."}},
    {"Bewertung",
     "Anfrage {number}",
     "1 ist schlecht, 5 sehr gut",
     "Ein Kommentar, wenn Sie möchten",
     "Bewertung senden",
     {"Danke. Ihre Bewertung ist angekommen.",
      "Dieser Link gilt nicht: Er wurde benutzt, ist abgelaufen oder nicht vollständig.",
      "Das ist keine Bewertung von 1 bis 5. Öffnen Sie den Link in der Mail noch einmal.",
      "Das ging nicht. Versuchen Sie es später."}},
};

const PageWords& words_in(LetterLanguage language) {
  return page_words[static_cast<std::size_t>(language)];
}

std::string_view tag_of(LetterLanguage language) {
  return letter_languages()[static_cast<std::size_t>(language)];
}

std::string score_choices(std::int64_t chosen) {
  std::string out;
  for (int score = 1; score <= scores; ++score) {
    const std::string shown = std::to_string(score);
    out += "<label><input type=\"radio\" name=\"score\" required value=\"" + shown + "\"" +
           (score == chosen ? " checked" : "") + ">" + shown + "</label>";
  }
  return out;
}

}  // namespace

Response rating_form(const RatingForm& form) {
  const PageWords& words = words_in(form.language);
  const std::string_view usual = letter_words("rating", form.language).subject;
  const std::string question = form.question.empty() ? std::string(usual) : form.question;
  // The address in the form is beside this page's own: behind a proxy both may stand in a folder.
  std::string body =
      "<p>" + html_text(form.company) + "<br>" + html_text(filled_in(words.request, {{"number", form.number}})) +
      "</p><form method=\"post\" action=\"rate\"><input type=\"hidden\" name=\"token\" value=\"" +
      html_text(form.token) + "\"><fieldset><legend>" + html_text(words.scale) + "</legend>" +
      score_choices(form.score) + "</fieldset><label for=\"comment\">" + html_text(words.comment) +
      "</label><textarea id=\"comment\" name=\"comment\" rows=\"4\" maxlength=\"2000\"></textarea><button>" +
      html_text(words.send) + "</button></form>";
  return form_page(200, tag_of(form.language), question, body);
}

Response rating_page(RatingPage page, LetterLanguage language) {
  struct Row {
    int status;
    std::size_t said;
  };
  constexpr Row rows[] = {{200, 0}, {404, 1}, {400, 2}, {503, 3}, {429, 3}};
  const Row& row = rows[static_cast<std::size_t>(page)];
  const PageWords& words = words_in(language);
  return form_page(row.status, tag_of(language), words.title,
                   "<p role=\"status\">" + html_text(words.said[row.said]) + "</p>");
}

}  // namespace tern::server
