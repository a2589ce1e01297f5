#include "desk/read_marks.hpp"

namespace tern::server {

Result<std::uint64_t> ReadMarks::of(const Reader& reader, const TicketId& ticket) {
  if (!reader.counts()) return std::uint64_t{0};
  TERN_TRY(const auto seq, db_.int64_of("SELECT seq FROM read_mark WHERE tenant_id = $1 AND ticket_id = $2 AND "
                                        "reader_kind = $3 AND reader = $4",
                                        tenant_, ticket, reader.kind, sqlite::Blob{reader.id}));
  return static_cast<std::uint64_t>(seq.value_or(0));
}

Result<std::uint64_t> ReadMarks::of_customers(const TicketId& ticket) {
  TERN_TRY(const auto seq, db_.int64_of("SELECT coalesce(max(seq), 0) FROM read_mark WHERE tenant_id = $1 AND "
                                        "ticket_id = $2 AND reader_kind = $3",
                                        tenant_, ticket, sync::PrincipalKind::contact));
  return static_cast<std::uint64_t>(seq.value_or(0));
}

Result<void> ReadMarks::put(const Reader& reader, const TicketId& ticket, std::uint64_t seq) {
  return db_.run(
      "INSERT INTO read_mark (tenant_id, ticket_id, reader_kind, reader, seq) VALUES ($1, $2, $3, $4, $5) ON CONFLICT "
      "(tenant_id, ticket_id, reader_kind, reader) DO UPDATE SET seq = CASE WHEN excluded.seq > "
      "read_mark.seq THEN excluded.seq ELSE read_mark.seq END",
      tenant_, ticket, reader.kind, sqlite::Blob{reader.id}, seq);
}

}  // namespace tern::server
