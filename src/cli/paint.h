// Colour for people: on a terminal only, unless asked for.
#pragma once

#include <string>

namespace weir::cli {

// `option` is --color: auto, always, never. Under auto only a terminal that is not dumb, and only
// without NO_COLOR, is painted.
bool wants_colour(const std::string& option, bool terminal, const char* no_color, const char* term);
// The same text with colour where it matters: what is well, what is not, what is unknown; the signs
// of a plan. Widths stay as they are drawn.
std::string painted(const std::string& text);

}  // namespace weir::cli
