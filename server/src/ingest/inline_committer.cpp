#include "committer.hpp"
#include "notices.hpp"

namespace tern::server {
namespace {

class InlineCommitter final : public Committer {
public:
  Result<PushAnswer> commit(Tenant& tenant, VerifiedPush push) override {
    ListeningStrand strand(tenant, on_commit);
    auto result = commit_batch(tenant, {&push, 1});
    strand.tell();
    if (!result) return tl::unexpected(std::move(result).error());
    return std::move(result->answers.front());
  }

  void run(Tenant& tenant, const std::function<void()>& work) override {
    ListeningStrand strand(tenant, on_commit);
    work();
    strand.tell();
  }
};

}  // namespace

std::unique_ptr<Committer> make_inline_committer() {
  return std::make_unique<InlineCommitter>();
}

}  // namespace tern::server
