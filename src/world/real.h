// The real ports of this machine, made only in app/ and by tests of real things.
#pragma once

#include <memory>

#include "world/world.h"

namespace weir {

std::unique_ptr<Clock> make_real_clock();    // CLOCK_BOOTTIME
std::unique_ptr<Random> make_real_random();  // getrandom
// As root, a new file or folder belongs to the owner of the folder that it is put into; parents
// that make_folder has to make may be passed through by others (o+x), not listed. No write follows
// a link, and `list` leaves out what a crash left of an unfinished write.
std::unique_ptr<Files> make_real_files();
// Programs work in "/", see PATH, LANG=C, TZ=UTC, HOME and Command::env only, lose what they print
// beyond output_max, and die with the thread that runs them; at the end nothing of their process
// group is left.
std::unique_ptr<Programs> make_real_programs(Clock& clock);
std::unique_ptr<Workers> make_real_workers();  // threads, at most 256 at once

}  // namespace weir
