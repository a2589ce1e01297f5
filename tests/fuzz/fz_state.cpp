// A ticket's stored state, or a message's. What reads is written back the same, and everything that is computed from a
// state is computed from any that reads.
#include "fuzz/fuzz_input.hpp"
#include "tern/sync/ticket_state.hpp"

namespace tern::fz_state {
using namespace tern::sync;

namespace {

void use(const TicketState& state) {
  const StatusView view = status_view(state);
  check(view.move_applied.size() == state.moves.size(), "each move has its standing");
  for (const Message& note : derived_notes(state)) check(!note.text.empty(), "a note keeps a text");
  static_cast<void>(class_of(state));
  static_cast<void>(priority_of(state));
  static_cast<void>(assignee_of(state));
  static_cast<void>(queue_of(state));
  for (const auto& [key, settings] : state.fields) static_cast<void>(standing_head(state, key.field, key.key));
  for (const auto& [key, adds] : state.elements) check(!elements_of(state, key.field).empty(), "elements are found");
}

}  // namespace

TERN_FUZZ_TARGET(fz_state) {
  const ByteView bytes(reinterpret_cast<const char*>(data), size_bytes);
  if (const Result<TicketState> state = decode_state(bytes)) {
    const Bytes written = encode_state(*state);
    const Result<TicketState> again = decode_state(written);
    check(again && *again == *state, "a state survives its stored form");
    check(encode_state(*again) == written, "the stored form is stable");
    use(*state);
  } else {
    check(state.error().code == ErrorCode::corrupt, "a state that does not read is corrupt");
  }
  if (const Result<Message> message = decode_message(bytes)) {
    const Bytes written = encode_message(*message);
    const Result<Message> again = decode_message(written);
    check(again && *again == *message, "a message survives its stored form");
    check(encode_message(*again) == written, "the stored form is stable");
    static_cast<void>(standing_text(*message));
    static_cast<void>(is_deleted(*message));
  }
  return 0;
}

}  // namespace tern::fz_state
