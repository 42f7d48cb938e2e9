// What stands beside a number and says its currency: "€", "US$", "EUR". Answers: which currency is
// that, and how sure is it?
#pragma once

#include <optional>
#include <string_view>

#include "attune/base/money.h"

namespace attune {

// A sign, and the currencies that are written with it.
struct CurrencySign {
  std::string_view text;
  std::string_view codes;  // "USD CAD AUD": the first where the reader's own is none of them
  bool unsure = false;     // which then is a guess
};

// A sign or a code that was found.
struct CurrencyMark {
  const CurrencySign* sign = nullptr;  // null: the code
  Currency code;

  struct Meaning {
    Currency currency;
    bool assumed = false;
  };
  // `home`: the currency that a sign of several means where it is one of them.
  Meaning in(const Currency& home) const;
};

// A mark at either end of the text, which is left without it and without blanks around it; absent:
// none. Codes are marks in any case.
std::optional<CurrencyMark> take_currency_mark(std::string_view& text);

// White space trimmed, with the blanks that do not break a line.
std::string_view trim_blanks(std::string_view text);

}  // namespace attune
