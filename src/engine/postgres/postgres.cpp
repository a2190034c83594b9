// Wires the faces of a Postgres engine to their shared context.
#include "engine/postgres/postgres.h"

#include "engine/postgres/context.h"
#include "engine/postgres/isolates.h"
#include "engine/postgres/leads.h"
#include "engine/postgres/observe.h"
#include "engine/postgres/runs.h"
#include "engine/postgres/shapes.h"
#include "engine/postgres/writes.h"

namespace weir::engine {
namespace {

class Postgres : public Engine {
 public:
  Postgres(World& world, Setting setting) : context_(world, std::move(setting)) {}

  std::string name() const override { return "postgres"; }
  std::uint16_t standard_port() const override { return 5432; }
  Observes* observes() override { return &observes_; }
  Runs* runs() override { return &runs_; }
  Shapes* shapes() override { return &shapes_; }
  Leads* leads() override { return &leads_; }
  Isolates* isolates() override { return &isolates_; }
  Writes* writes() override { return &writes_; }

 private:
  postgres::Context context_;
  postgres::PostgresObserves observes_{context_};
  postgres::PostgresRuns runs_{context_};
  postgres::PostgresShapes shapes_{context_};
  postgres::PostgresLeads leads_{context_};
  postgres::PostgresIsolates isolates_{context_};
  postgres::PostgresWrites writes_{context_};
};

}  // namespace

std::unique_ptr<Engine> make_postgres(World& world, Setting setting) {
  return std::make_unique<Postgres>(world, std::move(setting));
}

}  // namespace weir::engine
