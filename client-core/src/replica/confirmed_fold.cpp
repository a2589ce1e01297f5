#include "replica/confirmed_fold.hpp"

#include "tern/v1/exchange.pb.h"

namespace tern::client {

using sync::Outcome;

Result<v1::ChangeOutcome> outcome_of(const OwnChange& own) {
  v1::ChangeOutcome decided;
  if (!own.outcome.empty() && !decided.ParseFromString(own.outcome))
    return fail(ErrorCode::corrupt, "the outbox of this device holds a receipt that cannot be read", {}, "outbox");
  return decided;
}

void take_over(const v1::ChangeOutcome& decided, sync::Admission& admission) {
  const auto outcome = static_cast<Outcome>(decided.outcome());
  admission.effective_ms = decided.effective_ms();
  admission.lo_ms = decided.lo_ms();
  admission.hi_ms = decided.hi_ms();
  admission.time_flags = decided.time_flags();
  admission.claim_applies = outcome == Outcome::applied || outcome == Outcome::merged;
}

namespace {

/// Everything that the server decided and the fold reads. Whether somebody keeps custody stands in no receipt: such a
/// ticket comes whole.
sync::Admission admission_of(const OwnChange& own, const v1::ChangeOutcome& decided) {
  sync::Admission admission;
  take_over(decided, admission);
  admission.seen_seq = decided.seen_seq();
  admission.commit_ms = own.commit_ms;
  admission.claim_rule = static_cast<sync::Rule>(decided.rule());
  admission.redirected = static_cast<Outcome>(decided.outcome()) == Outcome::redirected;
  const bool appends = sync::find_intent(own.change.intent)->append_only;
  admission.unseen_customer = appends && admission.claim_rule == sync::Rule::unseen_customer;
  admission.integer_id = decided.integer_id();
  admission.number = decided.number();
  return admission;
}

}  // namespace

Result<ConfirmedFold> fold_confirmed(sync::TicketState base, std::span<const OwnChange> changes,
                                     const OperatorId& author) {
  ConfirmedFold out{std::move(base), {}};
  for (const OwnChange& own : changes) {
    TERN_TRY(const v1::ChangeOutcome decided, outcome_of(own));
    const auto outcome = static_cast<Outcome>(decided.outcome());
    const auto rule = static_cast<sync::Rule>(decided.rule());
    if (outcome == Outcome::held || outcome == Outcome::rejected || rule == sync::Rule::duplicate) continue;
    const sync::Admission admission = admission_of(own, decided);
    const sync::Stamp stamp =
        sync::make_stamp(own.change, own.origin, own.commit_seq, admission, author, sync::PrincipalKind::operator_);
    const sync::FoldEffect effect = sync::fold_in(out.state, {own.change, stamp, admission});
    if (effect.message) out.messages.push_back(sync::encode_message(*effect.message));
  }
  return out;
}

}  // namespace tern::client
