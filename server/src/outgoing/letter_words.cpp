#include "outgoing/letter_words.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "tern/protocol/text.hpp"

namespace tern::server {
namespace {

constexpr std::array<std::string_view, 5> tags = {"en", "uk", "ru", "kk", "de"};

struct LetterRow {
  std::string_view event;
  std::array<LetterWords, tags.size()> words;
};

// An acknowledgement holds nothing that its reader wrote: whoever may make this server write would choose the words.
constexpr LetterRow letters[] = {
    {"received",
     {{{"[{number}] We have received your request",
        "Hello,\n\nwe have received your request. Its number is {number}.\n\n{company}\n"},
       {"[{number}] Ваш запит отримано", "Вітаємо!\n\nМи отримали ваш запит. Його номер: {number}.\n\n{company}\n"},
       {"[{number}] Ваш запрос получен",
        "Здравствуйте!\n\nМы получили ваш запрос. Его номер: {number}.\n\n{company}\n"},
       {"[{number}] Өтінішіңіз қабылданды",
        "Сәлеметсіз бе!\n\nӨтінішіңізді алдық. Оның нөмірі: {number}.\n\n{company}\n"},
       {"[{number}] Wir haben Ihre Anfrage erhalten",
        "Guten Tag,\n\nwir haben Ihre Anfrage erhalten. Sie hat die Nummer {number}.\n\n{company}\n"}}}},
    {"replied",
     {{{"[{number}] {subject}", "{author} wrote about your request {number}:\n\n{words}\n\n{signature}{company}\n"},
       {"[{number}] {subject}", "{author} відповідає на ваш запит {number}:\n\n{words}\n\n{signature}{company}\n"},
       {"[{number}] {subject}", "{author} отвечает на ваш запрос {number}:\n\n{words}\n\n{signature}{company}\n"},
       {"[{number}] {subject}", "{author} {number} өтінішіңізге жауап берді:\n\n{words}\n\n{signature}{company}\n"},
       {"[{number}] {subject}", "{author} schreibt zu Ihrer Anfrage {number}:\n\n{words}\n\n{signature}{company}\n"}}}},
    {"replied_watched",
     {{{"[{number}] {subject}",
        "{author} wrote about the request {number}, which you watch:\n\n{words}\n\n{signature}{company}\n"},
       {"[{number}] {subject}",
        "{author} відповідає на запит {number}, за яким ви стежите:\n\n{words}\n\n{signature}{company}\n"},
       {"[{number}] {subject}",
        "{author} отвечает на запрос {number}, за которым вы следите:\n\n{words}\n\n{signature}{company}\n"},
       {"[{number}] {subject}",
        "{author} сіз бақылайтын {number} өтінішіне жауап берді:\n\n{words}\n\n{signature}{company}\n"},
       {"[{number}] {subject}",
        "{author} schreibt zur Anfrage {number}, die Sie beobachten:\n\n{words}\n\n{signature}{company}\n"}}}},
    {"resolved",
     {{{"[{number}] {subject}", "Your request {number} has been resolved.\n\n{words}\n\n{rating}{company}\n"},
       {"[{number}] {subject}", "Ваш запит {number} вирішено.\n\n{words}\n\n{rating}{company}\n"},
       {"[{number}] {subject}", "Ваш запрос {number} решён.\n\n{words}\n\n{rating}{company}\n"},
       {"[{number}] {subject}", "{number} өтінішіңіз шешілді.\n\n{words}\n\n{rating}{company}\n"},
       {"[{number}] {subject}", "Ihre Anfrage {number} ist gelöst.\n\n{words}\n\n{rating}{company}\n"}}}},
    {"resolved_watched",
     {{{"[{number}] {subject}", "The request {number}, which you watch, has been resolved.\n\n{words}\n\n{company}\n"},
       {"[{number}] {subject}", "Запит {number}, за яким ви стежите, вирішено.\n\n{words}\n\n{company}\n"},
       {"[{number}] {subject}", "Запрос {number}, за которым вы следите, решён.\n\n{words}\n\n{company}\n"},
       {"[{number}] {subject}", "Сіз бақылайтын {number} өтініші шешілді.\n\n{words}\n\n{company}\n"},
       {"[{number}] {subject}", "Die Anfrage {number}, die Sie beobachten, ist gelöst.\n\n{words}\n\n{company}\n"}}}},
    {"csat",
     {{{"[{number}] {subject}", "Your request {number} has been resolved.\n\n{rating}{company}\n"},
       {"[{number}] {subject}", "Ваш запит {number} вирішено.\n\n{rating}{company}\n"},
       {"[{number}] {subject}", "Ваш запрос {number} решён.\n\n{rating}{company}\n"},
       {"[{number}] {subject}", "{number} өтінішіңіз шешілді.\n\n{rating}{company}\n"},
       {"[{number}] {subject}", "Ihre Anfrage {number} ist gelöst.\n\n{rating}{company}\n"}}}},
    {"rating",
     {{{"How satisfied are you with our work?",
        "{question} 1 is bad, 5 is very good. A link works once, for 7 days:\n\n{links}\n"},
       {"Наскільки ви задоволені нашою роботою?",
        "{question} 1 — погано, 5 — дуже добре. Посилання діє один раз, протягом 7 днів:\n\n{links}\n"},
       {"Насколько вы довольны нашей работой?",
        "{question} 1 — плохо, 5 — очень хорошо. Ссылка действует один раз, в течение 7 дней:\n\n{links}\n"},
       {"Жұмысымызға қаншалықты ризасыз?",
        "{question} 1 — нашар, 5 — өте жақсы. Сілтеме бір рет, 7 күн бойы жарамды:\n\n{links}\n"},
       {"Wie zufrieden sind Sie mit unserer Arbeit?",
        "{question} 1 ist schlecht, 5 sehr gut. Ein Link gilt einmal, 7 Tage lang:\n\n{links}\n"}}}},
    {"told",
     {{{"[{number}] {told}", "{author}: {told}\n\n{number} {subject}\n"},
       {"[{number}] {told}", "{author}: {told}\n\n{number} {subject}\n"},
       {"[{number}] {told}", "{author}: {told}\n\n{number} {subject}\n"},
       {"[{number}] {told}", "{author}: {told}\n\n{number} {subject}\n"},
       {"[{number}] {told}", "{author}: {told}\n\n{number} {subject}\n"}}}},
    {"reset_link",
     {{{"Another password for {company}",
        "Hello,\n\nsomebody has asked for another password for your login at {company}. Set it here, within an "
        "hour:\n\n{link}\n\nIf it was not you, leave this mail alone: nothing has changed.\n"},
       {"Новий пароль для {company}",
        "Вітаємо!\n\nХтось попросив новий пароль для вашого входу в {company}. Задайте його тут протягом "
        "години:\n\n{link}\n\nЯкщо це були не ви, нічого не робіть: нічого не змінилося.\n"},
       {"Новый пароль для {company}",
        "Здравствуйте!\n\nКто-то попросил новый пароль для вашего входа в {company}. Задайте его здесь в течение "
        "часа:\n\n{link}\n\nЕсли это были не вы, ничего не делайте: ничего не изменилось.\n"},
       {"{company} үшін жаңа құпиясөз",
        "Сәлеметсіз бе!\n\nБіреу сіздің {company} жүйесіне кіруіңіз үшін жаңа құпиясөз сұрады. Оны бір сағат ішінде "
        "осы жерде қойыңыз:\n\n{link}\n\nЕгер бұл сіз болмасаңыз, ештеңе істемеңіз: ештеңе өзгерген жоқ.\n"},
       {"Neues Passwort für {company}",
        "Guten Tag,\n\njemand hat ein neues Passwort für Ihre Anmeldung bei {company} verlangt. Setzen Sie es "
        "innerhalb einer Stunde hier:\n\n{link}\n\nWaren Sie es nicht, tun Sie nichts: Es hat sich nichts "
        "geändert.\n"}}}},
    {"test",
     {{{"Test", "This mail is a test. Mail of {company} arrives here.\n"},
       {"Перевірка", "Це перевірковий лист. Пошта від {company} надходить сюди.\n"},
       {"Проверка", "Это проверочное письмо. Почта от {company} приходит сюда.\n"},
       {"Тексеру", "Бұл — тексеру хаты. {company} поштасы осы жерге келеді.\n"},
       {"Test", "Diese Mail ist ein Test. Post von {company} kommt hier an.\n"}}}},
};

struct ToldRow {
  NotificationKind kind;
  std::array<std::string_view, tags.size()> words;
};
constexpr ToldRow told_rows[] = {
    {NotificationKind::assigned,
     {"the ticket is yours now", "заявка тепер ваша", "заявка теперь ваша", "өтініш енді сізде",
      "das Ticket ist jetzt Ihres"}},
    {NotificationKind::customer_replied,
     {"the customer has written", "клієнт написав", "клиент написал", "клиент жазды", "der Kunde hat geschrieben"}},
    {NotificationKind::replied,
     {"the customer was answered", "клієнту відповіли", "клиенту ответили", "клиентке жауап берілді",
      "dem Kunden wurde geantwortet"}},
    {NotificationKind::noted,
     {"there is a new note", "є нова нотатка", "есть новая заметка", "жаңа жазба бар", "es gibt eine neue Notiz"}},
    {NotificationKind::mentioned,
     {"you were mentioned", "вас згадано", "вас упомянули", "сізді атап өтті", "Sie wurden erwähnt"}},
    {NotificationKind::changed,
     {"the ticket was changed", "заявку змінено", "заявка изменена", "өтініш өзгертілді", "das Ticket wurde geändert"}},
    {NotificationKind::estimate_decided,
     {"the estimate was decided on", "щодо оцінки вирішено", "по оценке принято решение", "баға бойынша шешім шықты",
      "über die Schätzung wurde entschieden"}},
    {NotificationKind::rated,
     {"your work was rated", "вашу роботу оцінено", "вашу работу оценили", "жұмысыңыз бағаланды",
      "Ihre Arbeit wurde bewertet"}},
    {NotificationKind::sla_yellow,
     {"a deadline is near", "термін наближається", "срок приближается", "мерзім жақындады", "eine Frist naht"}},
    {NotificationKind::sla_breach,
     {"a deadline was missed", "термін порушено", "срок нарушен", "мерзім өтіп кетті", "eine Frist wurde verfehlt"}},
    {NotificationKind::sla_late,
     {"a deadline was missed long ago", "термін давно порушено", "срок давно нарушен", "мерзім әлдеқашан өтті",
      "eine Frist ist seit langem verfehlt"}},
    {NotificationKind::long_pause,
     {"the ticket has stood still for long", "заявка довго стоїть", "заявка долго стоит", "өтініш көптен бері тұр",
      "das Ticket ruht seit langem"}},
    {NotificationKind::trigger,
     {"a trigger tells of the ticket", "тригер сповіщає про заявку", "триггер сообщает о заявке",
      "триггер өтініш туралы хабарлайды", "ein Auslöser meldet das Ticket"}},
    {NotificationKind::sla_rescinded,
     {"the deadline was kept after all", "термін усе ж дотримано", "срок всё же соблюдён", "мерзім сақталған екен",
      "die Frist wurde doch eingehalten"}},
    {NotificationKind::hook_off,
     {"a webhook was turned off", "вебхук вимкнено", "вебхук отключён", "вебхук өшірілді",
      "ein Webhook wurde abgeschaltet"}},
    {NotificationKind::woken,
     {"the ticket was put on hold until now", "заявку було відкладено до цього часу",
      "заявка была отложена до этого времени", "өтініш осы уақытқа дейін кейінге қалдырылған",
      "das Ticket war bis jetzt zurückgestellt"}},
};

std::optional<LetterLanguage> known_language(std::string_view tag) {
  const std::string folded = protocol::fold_case(tag.substr(0, tag.find_first_of("-_")));
  const auto found = std::ranges::find(tags, folded);
  if (found == tags.end()) return std::nullopt;
  return static_cast<LetterLanguage>(found - tags.begin());
}

}  // namespace

std::span<const std::string_view> letter_languages() {
  return tags;
}

LetterLanguage letter_language(std::string_view recipient, std::string_view tenant) {
  if (const auto own = known_language(recipient)) return *own;
  return known_language(tenant).value_or(LetterLanguage::en);
}

LetterLanguage language_accepted(std::string_view accept_language) {
  while (!accept_language.empty()) {
    const std::size_t end = std::min(accept_language.find(','), accept_language.size());
    const std::string_view one = accept_language.substr(0, end);
    accept_language.remove_prefix(std::min(end + 1, accept_language.size()));
    const std::size_t from = std::min(one.find_first_not_of(' '), one.size());
    if (const auto known = known_language(one.substr(from, one.find(';', from) - from))) return *known;
  }
  return LetterLanguage::en;
}

LetterWords letter_words(std::string_view event, LetterLanguage language) {
  for (const LetterRow& row : letters)
    if (row.event == event) return row.words[static_cast<std::size_t>(language)];
  return letter_words("told", language);
}

std::string_view told_words(NotificationKind kind, LetterLanguage language) {
  for (const ToldRow& row : told_rows)
    if (row.kind == kind) return row.words[static_cast<std::size_t>(language)];
  return {};
}

std::string filled_in(std::string_view pattern, const std::map<std::string_view, std::string>& values) {
  std::string out;
  while (!pattern.empty()) {
    const std::size_t open = std::min(pattern.find('{'), pattern.size());
    out += pattern.substr(0, open);
    pattern.remove_prefix(open);
    if (pattern.empty()) break;
    const std::size_t close = pattern.find('}');
    if (close == std::string_view::npos) return out + std::string(pattern);
    if (const auto value = values.find(pattern.substr(1, close - 1)); value != values.end()) out += value->second;
    pattern.remove_prefix(close + 1);
  }
  return out;
}

}  // namespace tern::server
