#include "sync_errors.hpp"

#include "tern/v1/exchange.pb.h"

namespace tern::server {

std::string_view retry_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::chain_gap:
    case ErrorCode::server_behind:
    case ErrorCode::busy:
    case ErrorCode::storage_full:
    case ErrorCode::quarantine_full:
      return "LATER";
    case ErrorCode::chain_forked:
    case ErrorCode::epoch_changed:
      return "REBASE";
    case ErrorCode::key_unknown:
    case ErrorCode::key_revoked:
      return "REAUTH";
    case ErrorCode::upgrade_required:
      return "UPGRADE";
    default:
      return "NEVER";
  }
}

void write_error(const Error& error, v1::SyncErrorMessage& out) {
  out.set_code(std::string(to_string(error.code)));
  out.set_message(error.message);
  out.set_retry(std::string(retry_of(error.code)));
}

void write_fault(const PushFault& fault, v1::SyncErrorMessage& out) {
  write_error(fault.error, out);
  if (fault.of_another) out.set_retry("NEVER");
  out.set_set_index(static_cast<std::uint32_t>(fault.set_index));
  out.set_op_index(static_cast<std::uint32_t>(fault.op_index));
  out.set_expected_seq(fault.expected_seq);
  if (fault.error.code != ErrorCode::chain_forked) return;
  out.mutable_head()->set_device_epoch(fault.head.device_epoch);
  out.mutable_head()->set_chain_seq(fault.head.chain_seq);
  out.mutable_head()->set_hash(Bytes(fault.head.hash.view()));
}

}  // namespace tern::server
