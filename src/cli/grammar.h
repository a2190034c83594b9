// What a verb takes, as values: parsing, help, completion and docs/cli.md all read the same.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace weir::cli {

// What a shell offers for a value.
enum class Offers { nothing, files, services, hosts, topics };

// One flag, option or positional argument. The target it points at outlives the grammar.
class Argument {
 public:
  using Target = std::variant<bool*, int*, double*, std::string*, std::vector<std::string>*,
                              std::optional<Duration>*>;

  std::vector<std::string> names;  // "-o", "--output"; empty: positional
  std::string value;               // what stands for its value: "FILE"; empty: a switch
  std::string help;
  Target into;
  bool is_needed = false;
  std::vector<std::string> choices;
  double least = 0;
  double greatest = 0;
  Offers offers = Offers::nothing;

  Argument& needed();
  Argument& one_of(std::vector<std::string> words);
  Argument& within(double from, double to);  // numbers only
  Argument& offering(Offers what);

  bool is_switch() const { return value.empty(); }
  bool is_positional() const { return names.empty(); }
  bool takes_many() const { return std::holds_alternative<std::vector<std::string>*>(into); }
  // "--output" or "FILE": how complaints name it.
  const std::string& name() const { return names.empty() ? value : names.back(); }
  // Reads a value into the target, or says what was expected.
  Result<> accept(const std::string& text) const;
};

class Grammar {
 public:
  // `names` separated by commas: "-f,--file". What is returned is valid until the next call.
  Argument& option(const std::string& names, std::string value, Argument::Target into,
                   std::string help);
  Argument& flag(const std::string& names, bool& into, std::string help);
  // In the order in which they are typed.
  Argument& positional(std::string value, Argument::Target into, std::string help);

  const std::vector<Argument>& arguments() const { return arguments_; }
  // The option of that name; nullptr if there is none.
  const Argument* find(const std::string& name) const;
  std::vector<std::string> option_names() const;
  // "FAULT [SERVICE]"
  std::string usage() const;

 private:
  std::vector<Argument> arguments_;
};

// Reads `words`, which do not contain the verb, by what is common to all verbs and what is its own.
// `verb` only names it in complaints. Options and positionals may stand in any order; after `--`
// all are positional.
Result<> read_words(const std::string& verb, const Grammar& common, const Grammar& own,
                    const std::vector<std::string>& words);

// Where the first word stands that is neither an option of `common` nor the value of one; the
// number of words if there is none.
std::size_t first_plain_word(const Grammar& common, const std::vector<std::string>& words);

}  // namespace weir::cli
