// What a commit makes to go out: rows of `outgoing`, in its transaction (docs/webhooks.md, docs/mail.md).
#pragma once

#include "batch.hpp"
#include "desk/outgoing.hpp"
#include "desk/outgoing_settings.hpp"

namespace tern::server {

/// What the set did to tickets: to each webhook whose owner may read it, and what concerns its customer to them.
Result<void> send_of_set(Batch& batch, const SetWork& work);

/// What somebody is told of, by mail where they want it so.
Result<void> send_notification(Batch& batch, const sync::Record& person, const Notification& told);

/// The number of the next one; the batch writes it.
Result<std::uint64_t> next_outgoing(Batch& batch);
/// One more, due now unless `due_ms` is later. False: it is there already.
Result<bool> put_outgoing(Batch& batch, Outgoing outgoing);

/// A webhook that nobody answers at is turned off: a commit; what waits for it is given up, administrators are told.
Result<void> turn_off_hook(Tenant& tenant, const RecordId& hook, const std::string& why);

/// A link with which that person sets another password, by mail, due now; it is made when it is sent. Nothing where no
/// mail is set up, to nobody who is active, or a few minutes after the one before.
Result<void> send_reset_link(Tenant& tenant, const OperatorId& person);

/// A test of what is set up, due now: to a webhook, or as a mail to an operator.
Result<DeliveryId> send_test(Tenant& tenant, OutgoingWay way, const RecordId& target);

}  // namespace tern::server
