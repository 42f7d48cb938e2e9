#include "currency.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "attune/base/text.h"

namespace attune {
namespace {

// ISO 4217, list one of 2026, without the codes that mean no currency and a test.
constexpr std::string_view kCurrent =
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN "
    "BZD CAD CDF CHE CHF CHW CLF CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR "
    "FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY "
    "KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU "
    "MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON "
    "RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP "
    "TRY TTD TWD TZS UAH UGX USD USN UYI UYU UYW UZS VED VES VND VUV WST XAD XAF XAG XAU XBA XBB "
    "XBC XBD XCD XCG XDR XOF XPD XPF XPT XSU XUA YER ZAR ZMW ZWG";
// List three, withdrawn since 1999: orders of those days are imported too.
constexpr std::string_view kWithdrawn =
    "AFA ANG ATS AZM BEF BGL BGN BYB BYR CSD CUC CYP DEM EEK ESP FIM FRF GHC GRD HRK IEP ITL LTL "
    "LUF LVL MGF MRO MTL MZM NLG PTE ROL RUR SDD SIT SKK SLL SRG STD TMM TPE TRL VEB VEF YUM ZMK "
    "ZWD ZWL ZWN ZWR";

constexpr std::uint32_t pack(std::string_view code) {
  std::uint32_t packed = 0;
  for (const char c : code) packed = packed << 8 | static_cast<unsigned char>(c);
  return packed;
}

constexpr std::size_t kCodeCount = (kCurrent.size() + 1) / 4 + (kWithdrawn.size() + 1) / 4;
constexpr std::array<std::uint32_t, kCodeCount> kCodes = [] {
  std::array<std::uint32_t, kCodeCount> codes{};
  std::size_t count = 0;
  for (const std::string_view list : {kCurrent, kWithdrawn}) {
    for (std::size_t at = 0; at < list.size(); at += 4) codes[count++] = pack(list.substr(at, 3));
  }
  std::ranges::sort(codes);
  return codes;
}();

constexpr std::array<std::string_view, 17> kNoDigits{"BIF", "CLP", "DJF", "GNF", "ISK", "JPY",
                                                     "KMF", "KRW", "PYG", "RWF", "UGX", "UYI",
                                                     "VND", "VUV", "XAF", "XOF", "XPF"};
constexpr std::array<std::string_view, 7> kThreeDigits{"BHD", "IQD", "JOD", "KWD",
                                                       "LYD", "OMR", "TND"};

// Signs that end or begin with another stand before it.
constexpr std::string_view kDollars =
    "USD CAD AUD NZD SGD HKD TWD MXN ARS BBD BMD BND BSD BZD CLP COP CUP CVE DOP FJD GYD JMD KYD "
    "LRD MOP NAD NIO SBD SRD TTD UYU XCD";
constexpr std::string_view kPounds = "GBP EGP FKP GIP LBP SDG SHP SSP SYP";
constexpr std::string_view kCrowns = "SEK DKK NOK ISK CZK EEK SKK";
constexpr std::string_view kRupees = "INR LKR MUR NPR PKR SCR";
constexpr CurrencySign kSigns[] = {
    {"€", "EUR"},
    {"£", kPounds},
    {"US$", "USD"},
    {"HK$", "HKD"},
    {"NT$", "TWD"},
    {"NZ$", "NZD"},
    {"AU$", "AUD"},
    {"CA$", "CAD"},
    {"SG$", "SGD"},
    {"MX$", "MXN"},
    {"A$", "AUD"},
    {"C$", "CAD NIO"},
    {"S$", "SGD"},
    {"R$", "BRL"},
    {"$", kDollars, true},
    {"＄", kDollars, true},
    // A yuan has cents and a yen has none: read as yuan, a price in yen loses nothing.
    {"¥", "CNY JPY", true},
    {"￥", "CNY JPY", true},
    {"美元", "USD"},
    {"欧元", "EUR"},
    {"日元", "JPY"},
    {"港元", "HKD"},
    {"韩元", "KRW"},
    {"澳元", "AUD"},
    {"加元", "CAD"},
    {"人民币", "CNY"},
    {"英镑", "GBP"},
    {"元", "CNY HKD MOP TWD"},
    {"円", "JPY"},
    {"RMB", "CNY"},
    {"￡", kPounds},
    {"₹", "INR"},
    {"₩", "KRW KPW"},
    {"￦", "KRW KPW"},
    {"zł", "PLN"},
    {"Kč", "CZK"},
    {"Ft", "HUF"},
    {"kr.", kCrowns, true},
    {"kr", kCrowns, true},
    {"Rs.", kRupees, true},
    {"Rs", kRupees, true},
    {"₽", "RUB"},
    {"руб.", "RUB BYN"},
    {"₺", "TRY"},
    {"₴", "UAH"},
    {"₫", "VND"},
    {"฿", "THB"},
    {"₱", "PHP"},
    {"₪", "ILS"},
    {"₦", "NGN"},
    {"₸", "KZT"},
    {"RM", "MYR"},
    {"Rp", "IDR"},
    {"lei", "RON MDL"},
    {"Euro", "EUR"},
    {"euro", "EUR"},
};

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }

bool is_standard(const Currency& currency) {
  return std::ranges::binary_search(kCodes, pack({currency.code.data(), 3}));
}

// Three letters as a code, whatever they name.
std::optional<Currency> letters(std::string_view text) {
  if (text.size() != 3 || !std::ranges::all_of(text, is_letter)) return std::nullopt;
  return Currency{{upper(text[0]), upper(text[1]), upper(text[2])}};
}

Currency code_of(std::string_view text) { return {{text[0], text[1], text[2]}}; }

bool has_code(std::string_view codes, std::string_view code) {
  for (std::size_t at = 0; at < codes.size(); at += 4) {
    if (codes.substr(at, 3) == code) return true;
  }
  return false;
}

// The currencies that most money is paid in: what a slip was meant to be.
const std::vector<std::string>& common_codes() {
  static const std::vector<std::string> codes{
      "EUR", "USD", "GBP", "JPY", "CNY", "AUD", "CAD", "CHF", "HKD", "SGD", "SEK", "NOK",
      "DKK", "NZD", "KRW", "INR", "MXN", "TWD", "ZAR", "BRL", "PLN", "THB", "IDR", "HUF",
      "CZK", "ILS", "PHP", "AED", "SAR", "MYR", "RON", "TRY", "VND", "RUB", "UAH"};
  return codes;
}

std::string meant(std::string_view text) {
  for (const CurrencySign& sign : kSigns) {
    if (sign.text == text) return fmt::format("; did you mean '{}'?", sign.codes.substr(0, 3));
  }
  const std::string nearest = did_you_mean(text, common_codes());
  if (!nearest.empty()) return nearest;
  return "; ISO 4217 has no such code: convert the amounts into a currency that it has, such as "
         "EUR";
}

// The mark at the front or the end; `length`: its bytes.
std::optional<CurrencyMark> mark_at(bool front, std::string_view text, std::size_t& length) {
  const auto fits = [&](std::size_t size) {  // no letters go on where the mark ends
    const std::size_t edge = front ? size : text.size() - size;
    return edge == 0 || edge == text.size() || !is_letter(text[edge - 1]) || !is_letter(text[edge]);
  };
  for (const CurrencySign& sign : kSigns) {
    length = sign.text.size();
    const bool stands = front ? text.starts_with(sign.text) : text.ends_with(sign.text);
    if (stands && fits(length)) return CurrencyMark{&sign, {}};
  }
  length = 3;
  if (text.size() < length || !fits(length)) return std::nullopt;
  const auto code = letters(front ? text.substr(0, length) : text.substr(text.size() - length));
  if (!code || !is_standard(*code)) return std::nullopt;
  return CurrencyMark{nullptr, *code};
}

}  // namespace

Result<Currency> Currency::parse(std::string_view text) {
  const auto currency = letters(text);
  if (currency && is_standard(*currency)) return *currency;
  return std::unexpected(
      invalid_argument(fmt::format("unknown currency '{}'{}", quoted(text), meant(text))));
}

Result<Currency> Currency::of_stored(std::string_view text) {
  if (const auto currency = letters(text)) return *currency;
  return std::unexpected(invalid_argument(
      fmt::format("'{}' is not a currency; use three letters such as GBP", quoted(text))));
}

std::string Currency::to_string() const { return known() ? std::string(code.data(), 3) : ""; }

int Currency::exponent() const {
  const std::string_view name(code.data(), 3);
  if (std::ranges::find(kNoDigits, name) != kNoDigits.end()) return 0;
  if (std::ranges::find(kThreeDigits, name) != kThreeDigits.end()) return 3;
  return 2;
}

CurrencyMark::Meaning CurrencyMark::in(const Currency& home) const {
  if (sign == nullptr) return {code, false};
  if (has_code(sign->codes, {home.code.data(), 3})) return {home, false};
  return {code_of(sign->codes), sign->unsure};
}

std::optional<CurrencyMark> take_currency_mark(std::string_view& text) {
  if (text.empty()) return std::nullopt;
  for (const bool front : {true, false}) {
    if (is_digit(front ? text.front() : text.back())) continue;
    std::size_t length = 0;
    if (auto mark = mark_at(front, text, length)) {
      text = trim_blanks(front ? text.substr(length) : text.substr(0, text.size() - length));
      return mark;
    }
  }
  return std::nullopt;
}

std::string_view trim_blanks(std::string_view text) {
  constexpr std::string_view kWide[] = {"\u00A0", "\u202F"};
  while (true) {
    text = trim(text);
    const std::size_t before = text.size();
    for (const std::string_view blank : kWide) {
      if (text.starts_with(blank)) text.remove_prefix(blank.size());
      if (text.ends_with(blank)) text.remove_suffix(blank.size());
    }
    if (text.size() == before) return text;
  }
}

}  // namespace attune
