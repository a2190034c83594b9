// Gathers mistakes by their place; their lines are cut out of the file at the end, when it is known
// which characters of it are secret.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/tree.h"

namespace weir::config {

constexpr std::size_t kComplaintsMax = 100;

class Complaints {
 public:
  // Borrows `text` for its life.
  Complaints(std::string file, const std::string& text);

  // `what` never contains the text of a secret; the line that is shown is masked here.
  void add(const Node& at, std::string what, std::string hint = {});
  void add(Mark at, int width, std::string what, std::string hint = {});
  // The characters of `node` are shown as stars.
  void mask(const Node& node);
  std::size_t count() const { return complaints_.size() + left_out_; }
  // All, in file order; beyond kComplaintsMax the last one counts the rest.
  std::vector<Complaint> finish();

 private:
  struct Span {
    Mark begin, end;
  };
  void cut_line(Complaint& complaint, const std::vector<std::string_view>& lines) const;

  std::string file_;
  const std::string& text_;
  std::vector<Complaint> complaints_;
  std::vector<Span> masks_;
  std::size_t left_out_ = 0;
};

// Whether a key's value may be a secret, as it stands or misspelt.
bool is_secret_key(std::string_view key);
// Whether a password is given as it must be: "generated", "env:NAME", "file:/PATH".
bool is_reference(std::string_view text);

// "did you mean `members`?", else "known here: engine, members, ...".
std::string suggestion(std::string_view word, const std::vector<std::string>& known);

}  // namespace weir::config
