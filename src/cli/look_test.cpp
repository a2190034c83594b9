// Passwords that are references, as an outside look takes them.
#include <gtest/gtest.h>

#include "cli/verbs.h"

namespace weir::cli {
namespace {

constexpr const char* kThere = "SCRAM-SHA-256$there";

Resource role(const char* name, const char* password) {
  return {"role", name, {{"login", "true"}, {"password", password}}};
}

std::vector<Resource> taken(std::vector<Resource> declared, const std::vector<Resource>& present) {
  take_present_passwords(declared, present);
  return declared;
}

TEST(Look, AReferenceIsTakenForWhatIsThere) {
  for (const char* reference : {"env:NAME", "file:/secrets/app"}) {
    EXPECT_EQ(taken({role("app", reference)}, {role("app", kThere)}),
              std::vector{role("app", kThere)});
  }
}

TEST(Look, AVerifierAndNoPasswordStayAsDeclared) {
  EXPECT_EQ(taken({role("app", "SCRAM-SHA-256$new")}, {role("app", kThere)}),
            std::vector{role("app", "SCRAM-SHA-256$new")});
  EXPECT_EQ(taken({role("app", "")}, {role("app", kThere)}), std::vector{role("app", "")});
}

TEST(Look, OnlyTheSameRolesPasswordIsTaken) {
  Resource database = role("app", kThere);
  database.kind = "database";
  Resource without = role("app", "");
  without.attributes.erase("password");
  for (const Resource& other : {role("somebody", kThere), database, without}) {
    EXPECT_EQ(taken({role("app", "env:NAME")}, {other}), std::vector{role("app", "env:NAME")});
  }
}

}  // namespace
}  // namespace weir::cli
