// The fleet file comes from people and their generators: any text is answered, with a fleet that
// stands for itself or with complaints that stand in the text.
#include "config/config.h"

#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const weir::config::Parsed parsed = weir::config::parse("fleet.yaml", text);
  for (const auto& complaint : parsed.complaints) {
    WEIR_ASSERT(complaint.line >= 1 && complaint.column >= 1);
    WEIR_ASSERT(!show(complaint).empty());
  }
  if (!parsed.complaints.empty()) return 0;
  // What was read goes to the store and is read from there.
  for (const weir::Service& service : parsed.fleet.services) {
    const auto again = weir::service_from(to_json(service));
    WEIR_ASSERT(again.has_value() && *again == service);
  }
  return 0;
}
