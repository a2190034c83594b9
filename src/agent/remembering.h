// What this host durably remembers of each of its services' records (safety.md S12).
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "model/remembered.h"
#include "world/world.h"

namespace weir::agent {

// One file a service below `folder`. Thread-safe.
class Remembering {
 public:
  Remembering(Files& files, std::string folder) : files_(files), folder_(std::move(folder)) {}

  // What earlier lives of this agent kept. A file that cannot be read is an error: a member that
  // has forgotten may believe an old record.
  Result<> load();
  std::map<ServiceName, Remembered> all() const;
  // Durable before it returns.
  Result<> keep(const Remembered& remembered);
  // The service is declared no more.
  Result<> forget(const ServiceName& service);

 private:
  std::string path(const ServiceName& service) const;

  Files& files_;
  const std::string folder_;
  mutable std::mutex mutex_;
  std::map<ServiceName, Remembered> kept_;
};

}  // namespace weir::agent
