// The real ports of this machine, made only in app/ and by tests of real things.
#pragma once

#include <memory>

#include "world/world.h"

namespace weir {

std::unique_ptr<Clock> make_real_clock();    // CLOCK_BOOTTIME
std::unique_ptr<Random> make_real_random();  // getrandom
std::unique_ptr<Files> make_real_files();
std::unique_ptr<Programs> make_real_programs(Clock& clock);  // pidfd, process groups
std::unique_ptr<Workers> make_real_workers();                // threads, at most 256 at once

}  // namespace weir
