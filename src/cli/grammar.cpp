// Words of a command line, read by a table.
#include "cli/grammar.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/quantity.h"
#include "base/text.h"

namespace weir::cli {
namespace {

template <class T>
Result<T> number(const Argument& argument, const std::string& text, const char* kind) {
  T value{};
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  const bool bounded = argument.least < argument.greatest;
  const bool outside = bounded && (static_cast<double>(value) < argument.least ||
                                   static_cast<double>(value) > argument.greatest);
  if (error == std::errc{} && stop == end && !outside) return value;
  const std::string bounds =
      bounded ? fmt::format(" from {} to {}", argument.least, argument.greatest) : std::string{};
  return fail(Failure::bad_config,
              fmt::format("{} expects {}{}, got '{}'", argument.name(), kind, bounds, text));
}

// `text` into the target, by the target's type.
struct Reader {
  const Argument& argument;
  const std::string& text;

  Result<> operator()(bool* into) const {
    *into = true;
    return {};
  }
  Result<> operator()(int* into) const {
    WEIR_TRY(*into, number<int>(argument, text, "a whole number"));
    return {};
  }
  Result<> operator()(double* into) const {
    WEIR_TRY(*into, number<double>(argument, text, "a number"));
    return {};
  }
  Result<> operator()(std::string* into) const {
    *into = text;
    return {};
  }
  Result<> operator()(std::vector<std::string>* into) const {
    into->push_back(text);
    return {};
  }
  Result<> operator()(std::optional<Duration>* into) const {
    const auto read = parse_duration(text);
    if (!read) {
      return fail(Failure::bad_config,
                  fmt::format("{} expects a time such as 30s, got '{}'", argument.name(), text));
    }
    *into = *read;
    return {};
  }
};

bool is_option(const std::string& word) { return word.size() > 1 && word[0] == '-'; }

// An option as it was typed: "--output=json" and "-ojson" carry their value with them.
struct Typed {
  std::string name;
  std::optional<std::string> value;
};
Typed typed(const std::string& word) {
  if (starts_with(word, "--")) {
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos) return {word, {}};
    return {word.substr(0, equals), word.substr(equals + 1)};
  }
  if (word.size() == 2) return {word, {}};
  return {word.substr(0, 2), word.substr(word[2] == '=' ? 3 : 2)};
}

class WordReader {
 public:
  WordReader(const std::string& verb, const Grammar& common, const Grammar& own)
      : verb_(verb), common_(common), own_(own) {
    for (const Argument& argument : own.arguments()) {
      if (argument.is_positional()) open_.push_back(&argument);
    }
  }

  Result<> read(const std::vector<std::string>& words) {
    bool only_plain = false;
    for (std::size_t i = 0; i < words.size(); ++i) {
      const std::string& word = words[i];
      if (only_plain || !is_option(word)) {
        WEIR_TRY_(plain(word));
      } else if (word == "--") {
        only_plain = true;
      } else {
        const std::string* next = i + 1 < words.size() ? &words[i + 1] : nullptr;
        WEIR_TRY(const bool took_next, option(word, next));
        if (took_next) ++i;
      }
    }
    return nothing_missing();
  }

 private:
  tl::unexpected<Error> complain(std::string what, std::string hint = {}) const {
    if (hint.empty()) hint = fmt::format("weir {} --help", verb_);
    return fail(Failure::bad_config, std::move(what), std::move(hint));
  }

  Result<> plain(const std::string& word) {
    if (open_.empty()) return complain(fmt::format("weir {} does not take '{}'", verb_, word));
    const Argument& argument = *open_.front();
    WEIR_TRY_(accept(argument, word));
    seen_.push_back(&argument);
    if (!argument.takes_many()) open_.erase(open_.begin());
    return {};
  }

  // Whether the next word was its value.
  Result<bool> option(const std::string& word, const std::string* next) {
    const Typed given = typed(word);
    const Argument* argument = own_.find(given.name);
    if (argument == nullptr) argument = common_.find(given.name);
    if (argument == nullptr) return unknown(given.name);
    if (argument->is_switch()) {
      if (given.value) return complain(fmt::format("{} takes no value", given.name));
      WEIR_TRY_(argument->accept({}));
      return false;
    }
    seen_.push_back(argument);
    if (!given.value && next == nullptr) {
      return complain(fmt::format("{} needs a value: {}", given.name, argument->value));
    }
    WEIR_TRY_(accept(*argument, given.value ? *given.value : *next));
    return !given.value;
  }

  tl::unexpected<Error> unknown(const std::string& name) const {
    std::vector<std::string> names = own_.option_names();
    for (const std::string& common : common_.option_names()) names.push_back(common);
    const std::string meant = nearest(name, names);
    return complain(fmt::format("weir {} has no flag {}", verb_, name),
                    meant.empty() ? std::string{} : fmt::format("did you mean `{}`?", meant));
  }

  Result<> accept(const Argument& argument, const std::string& text) const {
    if (auto read = argument.accept(text); !read) {
      return complain(read.error().what, read.error().hint);
    }
    return {};
  }

  Result<> nothing_missing() const {
    for (const Argument& argument : own_.arguments()) {
      const bool given = std::find(seen_.begin(), seen_.end(), &argument) != seen_.end();
      if (!argument.is_needed || given) continue;
      return complain(fmt::format(
          "weir {} needs {}", verb_,
          argument.is_positional() ? argument.value : argument.name() + " " + argument.value));
    }
    return {};
  }

  const std::string& verb_;
  const Grammar& common_;
  const Grammar& own_;
  std::vector<const Argument*> open_;  // positionals to come
  std::vector<const Argument*> seen_;
};

}  // namespace

Argument& Argument::needed() {
  is_needed = true;
  return *this;
}

Argument& Argument::one_of(std::vector<std::string> words) {
  choices = std::move(words);
  return *this;
}

Argument& Argument::within(double from, double to) {
  least = from;
  greatest = to;
  return *this;
}

Argument& Argument::offering(Offers what) {
  offers = what;
  return *this;
}

Result<> Argument::accept(const std::string& text) const {
  if (!choices.empty() && std::find(choices.begin(), choices.end(), text) == choices.end()) {
    const std::string meant = nearest(text, choices);
    return fail(Failure::bad_config,
                fmt::format("{} expects one of {}, got '{}'", name(), join(choices, ", "), text),
                meant.empty() ? std::string{} : fmt::format("did you mean `{}`?", meant));
  }
  return std::visit(Reader{*this, text}, into);
}

Argument& Grammar::option(const std::string& names, std::string value, Argument::Target into,
                          std::string help) {
  Argument argument;
  argument.names = split(names, ',');
  argument.value = std::move(value);
  argument.help = std::move(help);
  argument.into = into;
  return arguments_.emplace_back(std::move(argument));
}

Argument& Grammar::flag(const std::string& names, bool& into, std::string help) {
  return option(names, {}, &into, std::move(help));
}

Argument& Grammar::positional(std::string value, Argument::Target into, std::string help) {
  Argument argument;
  argument.value = std::move(value);
  argument.help = std::move(help);
  argument.into = into;
  return arguments_.emplace_back(std::move(argument));
}

const Argument* Grammar::find(const std::string& name) const {
  for (const Argument& argument : arguments_) {
    if (std::find(argument.names.begin(), argument.names.end(), name) != argument.names.end()) {
      return &argument;
    }
  }
  return nullptr;
}

std::vector<std::string> Grammar::option_names() const {
  std::vector<std::string> out;
  for (const Argument& argument : arguments_) {
    out.insert(out.end(), argument.names.begin(), argument.names.end());
  }
  return out;
}

std::string Grammar::usage() const {
  std::string out;
  for (const Argument& argument : arguments_) {
    if (!argument.is_positional()) continue;
    const std::string word = argument.value + (argument.takes_many() ? "..." : "");
    out += (out.empty() ? "" : " ") + (argument.is_needed ? word : "[" + word + "]");
  }
  return out;
}

Result<> read_words(const std::string& verb, const Grammar& common, const Grammar& own,
                    const std::vector<std::string>& words) {
  return WordReader(verb, common, own).read(words);
}

std::size_t first_plain_word(const Grammar& common, const std::vector<std::string>& words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (!is_option(words[i])) return i;
    const Typed given = typed(words[i]);
    const Argument* argument = common.find(given.name);
    if (argument != nullptr && !argument->is_switch() && !given.value) ++i;
  }
  return words.size();
}

}  // namespace weir::cli
