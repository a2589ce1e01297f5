#include "portal/portal_page.hpp"

namespace tern::server {

std::string_view portal_texts() {
  static constexpr std::string_view texts = R"(
  "en": ["Your requests", {
    "all": "All requests", "fresh": "New request", "help": "Answers", "leave": "Leave",
    "figures": "Open: {total_open}. Done: {total_done}. Closed: {total_closed}.", "none": "There is no request yet.",
    "number": "Number", "subject": "Subject", "status": "Status", "changed": "Changed", "newer": "Newer", "older": "Older",
    "description": "What is it about?", "message": "Message", "send": "Send", "sent": "It is sent.", "messages": "Messages",
    "accept": "Accept: it is done", "reopen": "Open again", "approve": "Agree to the estimate",
    "estimate": "Estimate: {hours} h. {description}", "result": "Result: {result}",
    "rate": "How good was it? 1 is bad, 5 is very good", "comment": "A comment, if you like", "rating": "Send the rating",
    "rated": "You rated it {rating}.", "client": "You", "support": "Support", "system": "System", "edited": "edited",
    "deleted": "This message was taken back.", "search": "Search", "nothing": "Nothing was found.",
    "gone": "This link is over, or was not complete. Open this page again from the site that led you here.",
    "often": "That was too often. Wait a minute and try again.", "failed": "That did not work. Try again later.",
    "new": "new", "estimated": "waits for your answer to the estimate", "in_progress": "in work", "on_hold": "on hold",
    "done": "done", "closed": "closed", "reopened": "opened again"}],
  "uk": ["Ваші запити", {
    "all": "Усі запити", "fresh": "Новий запит", "help": "Відповіді", "leave": "Вийти",
    "figures": "Відкриті: {total_open}. Виконані: {total_done}. Закриті: {total_closed}.", "none": "Запитів ще немає.",
    "number": "Номер", "subject": "Тема", "status": "Стан", "changed": "Змінено", "newer": "Новіші", "older": "Старіші",
    "description": "Про що йдеться?", "message": "Повідомлення", "send": "Надіслати", "sent": "Надіслано.", "messages": "Повідомлення",
    "accept": "Прийняти: виконано", "reopen": "Відкрити знову", "approve": "Погодити оцінку",
    "estimate": "Оцінка: {hours} год. {description}", "result": "Результат: {result}",
    "rate": "Наскільки ви задоволені? 1 — погано, 5 — дуже добре", "comment": "Коментар, якщо бажаєте", "rating": "Надіслати оцінку",
    "rated": "Ваша оцінка: {rating}.", "client": "Ви", "support": "Підтримка", "system": "Система", "edited": "змінено",
    "deleted": "Це повідомлення відкликано.", "search": "Шукати", "nothing": "Нічого не знайдено.",
    "gone": "Це посилання застаріло або неповне. Відкрийте цю сторінку знову із сайту, з якого ви прийшли.",
    "often": "Забагато спроб. Зачекайте хвилину й спробуйте ще раз.", "failed": "Не вдалося. Спробуйте пізніше.",
    "new": "новий", "estimated": "чекає вашої відповіді на оцінку", "in_progress": "у роботі", "on_hold": "на паузі",
    "done": "виконано", "closed": "закрито", "reopened": "відкрито знову"}],
  "ru": ["Ваши запросы", {
    "all": "Все запросы", "fresh": "Новый запрос", "help": "Ответы", "leave": "Выйти",
    "figures": "Открыты: {total_open}. Выполнены: {total_done}. Закрыты: {total_closed}.", "none": "Запросов ещё нет.",
    "number": "Номер", "subject": "Тема", "status": "Состояние", "changed": "Изменено", "newer": "Новее", "older": "Старее",
    "description": "О чём речь?", "message": "Сообщение", "send": "Отправить", "sent": "Отправлено.", "messages": "Сообщения",
    "accept": "Принять: выполнено", "reopen": "Открыть снова", "approve": "Согласиться с оценкой",
    "estimate": "Оценка: {hours} ч. {description}", "result": "Результат: {result}",
    "rate": "Насколько вы довольны? 1 — плохо, 5 — очень хорошо", "comment": "Комментарий, если хотите", "rating": "Отправить оценку",
    "rated": "Ваша оценка: {rating}.", "client": "Вы", "support": "Поддержка", "system": "Система", "edited": "изменено",
    "deleted": "Это сообщение отозвано.", "search": "Искать", "nothing": "Ничего не найдено.",
    "gone": "Эта ссылка устарела или неполна. Откройте эту страницу снова с сайта, с которого вы пришли.",
    "often": "Слишком часто. Подождите минуту и попробуйте снова.", "failed": "Не получилось. Попробуйте позже.",
    "new": "новый", "estimated": "ждёт вашего ответа на оценку", "in_progress": "в работе", "on_hold": "на паузе",
    "done": "выполнен", "closed": "закрыт", "reopened": "открыт снова"}],
  "kk": ["Сіздің өтініштеріңіз", {
    "all": "Барлық өтініштер", "fresh": "Жаңа өтініш", "help": "Жауаптар", "leave": "Шығу",
    "figures": "Ашық: {total_open}. Орындалды: {total_done}. Жабық: {total_closed}.", "none": "Өтініш әлі жоқ.",
    "number": "Нөмірі", "subject": "Тақырыбы", "status": "Күйі", "changed": "Өзгерген уақыты", "newer": "Жаңалары", "older": "Ескілері",
    "description": "Не туралы?", "message": "Хабарлама", "send": "Жіберу", "sent": "Жіберілді.", "messages": "Хабарламалар",
    "accept": "Қабылдау: орындалды", "reopen": "Қайта ашу", "approve": "Бағалауға келісу",
    "estimate": "Бағалау: {hours} сағ. {description}", "result": "Нәтиже: {result}",
    "rate": "Қаншалықты ризасыз? 1 — нашар, 5 — өте жақсы", "comment": "Қаласаңыз, пікіріңіз", "rating": "Бағаны жіберу",
    "rated": "Сіздің бағаңыз: {rating}.", "client": "Сіз", "support": "Қолдау", "system": "Жүйе", "edited": "өзгертілген",
    "deleted": "Бұл хабарлама қайтарып алынды.", "search": "Іздеу", "nothing": "Ештеңе табылмады.",
    "gone": "Бұл сілтеменің мерзімі өткен немесе ол толық емес. Бұл бетті өзіңізді осында әкелген сайттан қайта ашыңыз.",
    "often": "Тым жиі. Бір минут күтіп, қайта көріңіз.", "failed": "Болмады. Кейінірек көріңіз.",
    "new": "жаңа", "estimated": "бағалауға жауабыңызды күтеді", "in_progress": "жұмыста", "on_hold": "кідіртілген",
    "done": "орындалды", "closed": "жабық", "reopened": "қайта ашылған"}],
  "de": ["Ihre Anfragen", {
    "all": "Alle Anfragen", "fresh": "Neue Anfrage", "help": "Antworten", "leave": "Verlassen",
    "figures": "Offen: {total_open}. Erledigt: {total_done}. Geschlossen: {total_closed}.", "none": "Es gibt noch keine Anfrage.",
    "number": "Nummer", "subject": "Betreff", "status": "Stand", "changed": "Geändert", "newer": "Neuere", "older": "Ältere",
    "description": "Worum geht es?", "message": "Nachricht", "send": "Senden", "sent": "Es ist gesendet.", "messages": "Nachrichten",
    "accept": "Annehmen: Es ist erledigt", "reopen": "Wieder öffnen", "approve": "Der Schätzung zustimmen",
    "estimate": "Schätzung: {hours} Std. {description}", "result": "Ergebnis: {result}",
    "rate": "Wie zufrieden sind Sie? 1 ist schlecht, 5 sehr gut", "comment": "Ein Kommentar, wenn Sie möchten", "rating": "Bewertung senden",
    "rated": "Ihre Bewertung: {rating}.", "client": "Sie", "support": "Support", "system": "System", "edited": "geändert",
    "deleted": "Diese Nachricht wurde zurückgenommen.", "search": "Suchen", "nothing": "Nichts gefunden.",
    "gone": "Dieser Link ist abgelaufen oder nicht vollständig. Öffnen Sie die Seite noch einmal von dort, woher Sie kamen.",
    "often": "Das war zu oft. Warten Sie eine Minute und versuchen Sie es wieder.", "failed": "Das ging nicht. Versuchen Sie es später.",
    "new": "neu", "estimated": "wartet auf Ihre Antwort zur Schätzung", "in_progress": "in Arbeit", "on_hold": "zurückgestellt",
    "done": "erledigt", "closed": "geschlossen", "reopened": "wieder geöffnet"}]
)";
  return texts;
}

}  // namespace tern::server
