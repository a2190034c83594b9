// Keeps nothing: the machine is the whole store.
#include "store/memory/memory.h"

#include "store/kept.h"

namespace weir::store {
namespace {

class Nowhere final : public Keeper {
 public:
  Result<> keep(const Delta&) override { return {}; }
};

}  // namespace

std::unique_ptr<Store> make_memory(Clock& clock, Workers& workers) {
  return make_kept(clock, workers, Machine{}, std::make_unique<Nowhere>());
}

}  // namespace weir::store
