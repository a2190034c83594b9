// Founding: the folders of a fleet on this machine, its CA, and the certificates that the CA's
// machine keeps. What is there and right is kept.
#pragma once

#include "cli/session.h"

namespace weir::cli {

// --store ADDRESS[:PORT].
Result<peer::Address> store_address(const std::string& given, const std::string& otherwise);

// What every machine of the fleet has: the fleet's folder and one for each of its hosts here.
Result<> make_host_folders(Files& files, const Place& place, const std::vector<HostName>& here);

// The machine beside the CA: its folders, the CA, whom it may sign for, and the certificates of the
// operator, the store and the hosts here.
Result<> found(Machine& machine, const Place& place, const FleetFacts& facts);

// The facts of a fleet that lies here already, or nullopt.
Result<std::optional<FleetFacts>> facts_here(Files& files, const Place& place);

}  // namespace weir::cli
