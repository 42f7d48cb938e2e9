// What a simulated shop is like: size, window, language, habits of its customers, and how untidy
// its files are.
// Answers: which shop shall be made?
#pragma once

#include <cstdint>

#include "attune/base/error.h"
#include "attune/base/parameters.h"

namespace attune::simulate {

// Every category has something to sell.
inline constexpr std::int64_t kMinimumItems = 24;

enum class Language : std::uint8_t { en, zh };

// Every share lies in 0 .. 1. The defaults make a shop of about 250,000 events.
struct ShopParameters {
  std::int64_t customers = 2'000;
  std::int64_t items = 300;
  std::int64_t days = 180;
  Language language = Language::en;
  std::uint64_t seed = 1;
  std::int64_t start_date = 20250609;  // yyyymmdd, the shop's calendar

  // Habits. Purchases follow BG/NBD [Fader2005]: while alive a customer buys with a rate drawn from
  // Gamma(purchase_shape, 1 / purchase_scale_days), and after each repeat purchase is gone with a
  // probability drawn from Beta(dropout_a, dropout_b).
  double purchase_shape = 0.5;
  double purchase_scale_days = 48;
  double dropout_a = 0.9;
  double dropout_b = 2.7;
  double browser_share = 0.12;     // sign up and look around, but never buy
  double sessions_per_day = 0.16;  // of a living customer, without those that end in a purchase
  double visitors_per_customer = 0.15;  // sessions a day of people who never say who they are
  double taste_concentration = 2.5;     // of the Dirichlet over categories; small: one favourite
  double taste_strength = 1.0;          // deviation of the log-odds that a liked style is chosen
  double popularity_exponent = 0.9;     // Zipf
  double refund_share = 0.06;           // of purchased lines

  // How untidy the files are.
  double missing_share = 0.04;     // orders recorded without their customer
  double bot_share = 0.02;         // of the rows, made by bots
  double foreign_share = 0;        // customers who pay in a second currency
  double duplicate_share = 0.004;  // rows that follow twice, byte by byte
  double resent_share = 0.002;     // rows with an event id that come again later, written otherwise
  std::int64_t malformed_rows = 12;
  bool gzip = false;  // events.csv.gz instead of events.csv

  static const ParameterTable<ShopParameters>& table();
};

// Errors: invalid_argument naming the parameter, its value and what it may be.
Status validate(const ShopParameters& parameters);

}  // namespace attune::simulate
