// Completion by the same grammar that reads the words.
#include "cli/complete.h"

#include <algorithm>

#include "base/text.h"
#include "cli/verb.h"

namespace weir::cli {
namespace {

bool is_typed(const Verb& verb) {
  return verb.group != Group::hidden && verb.group != Group::processes;
}

std::vector<std::string> first_words() {
  std::vector<std::string> out;
  for (const Verb* verb : verbs()) {
    const std::string word = split(verb->name, ' ').front();
    if (is_typed(*verb) && std::find(out.begin(), out.end(), word) == out.end()) {
      out.push_back(word);
    }
  }
  return out;
}

std::vector<std::string> second_words(const std::string& first) {
  std::vector<std::string> out;
  for (const Verb* verb : verbs()) {
    const auto parts = split(verb->name, ' ');
    if (parts.size() == 2 && parts[0] == first && is_typed(*verb)) out.push_back(parts[1]);
  }
  return out;
}

class Completer {
 public:
  Completer(const std::vector<std::string>& typed, const Offer& offer)
      : before_(typed.begin(), typed.end() - 1), word_(typed.back()), offer_(offer) {
    take_common(common_, options_, nullptr);
  }

  Completion answer() {
    std::size_t at = first_plain_word(common_, before_);
    if (at >= before_.size()) {
      if (const Argument* open = wants_value(before_)) return value_of(*open);
      return starting(starts_with(word_, "-") ? common_.option_names() : first_words());
    }
    const std::string first = before_[at];
    const Verb* verb = at + 1 < before_.size() ? find_verb(first + " " + before_[at + 1]) : nullptr;
    if (verb != nullptr) ++at;
    if (verb == nullptr) verb = find_verb(first);
    if (verb == nullptr) return starting(second_words(first));
    Grammar common;
    verb->takes(own_, options_);
    take_common(common, options_, verb);
    common_ = std::move(common);
    const std::vector<std::string> rest(before_.begin() + static_cast<std::ptrdiff_t>(at) + 1,
                                        before_.end());
    if (const Argument* open = wants_value(before_)) return value_of(*open);
    if (starts_with(word_, "-")) {
      auto names = own_.option_names();
      for (const std::string& name : common_.option_names()) names.push_back(name);
      return starting(names);
    }
    Completion out = positional(rest);
    if (rest.empty()) {
      for (const std::string& second : second_words(first)) {
        if (starts_with(second, word_)) out.words.push_back(second);
      }
    }
    return out;
  }

 private:
  const Argument* find(const std::string& name) const {
    const Argument* argument = own_.find(name);
    return argument != nullptr ? argument : common_.find(name);
  }

  // The option before the cursor, if it still waits for its value.
  const Argument* wants_value(const std::vector<std::string>& before) const {
    if (before.empty()) return nullptr;
    const Argument* argument = find(before.back());
    return argument != nullptr && !argument->is_switch() ? argument : nullptr;
  }

  Completion starting(const std::vector<std::string>& words) const {
    Completion out;
    for (const std::string& word : words) {
      if (starts_with(word, word_)) out.words.push_back(word);
    }
    return out;
  }

  Completion value_of(const Argument& argument) const {
    if (!argument.choices.empty()) return starting(argument.choices);
    if (argument.offers == Offers::files) return {{}, true};
    if (argument.offers == Offers::nothing) return {};
    return starting(offer_(argument.offers));
  }

  Completion positional(const std::vector<std::string>& rest) const {
    std::size_t given = 0;
    for (std::size_t i = 0; i < rest.size(); ++i) {
      if (!starts_with(rest[i], "-")) {
        ++given;
      } else if (const Argument* option = find(rest[i]); option && !option->is_switch()) {
        ++i;
      }
    }
    std::size_t place = 0;
    for (const Argument& argument : own_.arguments()) {
      if (!argument.is_positional()) continue;
      if (place++ == given || argument.takes_many()) return value_of(argument);
    }
    return {};
  }

  const std::vector<std::string> before_;
  const std::string word_;
  const Offer& offer_;
  Options options_;
  Grammar common_, own_;
};

}  // namespace

Completion complete(const std::vector<std::string>& typed, const Offer& offer) {
  if (typed.empty()) return complete({""}, offer);
  return Completer(typed, offer).answer();
}

}  // namespace weir::cli
