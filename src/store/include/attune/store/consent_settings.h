// The section [consent] of attune.toml. Answers: where does somebody who never said anything count
// as having said yes?
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "attune/base/error.h"

namespace attune::store {

// What a rule means is told by privacy::parse_consent_rule, which lies above this layer.
struct ConsentSettings {
  struct Rule {
    std::string text;  // "US:email=opt-out"
    int line = 0;      // in the file
    friend bool operator==(const Rule&, const Rule&) = default;
  };
  std::string region = "country";  // the trait that names a customer's region: "US", "US-CA"
  std::vector<Rule> rules;         // none: those of privacy::ConsentRules
  friend bool operator==(const ConsentSettings&, const ConsentSettings&) = default;
};

// Reads the section out of the text of an attune.toml; the defaults where there is none.
// parse_settings checks it too, so that a wrong one is told when the folder is opened.
// Errors: as parse_settings.
Result<ConsentSettings> parse_consent_settings(std::string_view text, std::string_view file);

}  // namespace attune::store
