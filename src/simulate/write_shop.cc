#include "attune/simulate/write_shop.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "output_file.h"
#include "recorder.h"
#include "truth_summary.h"

namespace attune::simulate {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 9> kFileNames = {
    "truth.json",    "events.csv",      "events.csv.gz",       "orders.csv",    "items.csv",
    "customers.csv", "truth_items.csv", "truth_customers.csv", "truth_bots.csv"};

bool is_simulated(const fs::path& directory) {
  std::ifstream file(directory / "truth.json", std::ios::binary);
  std::string head(200, '\0');
  file.read(head.data(), static_cast<std::streamsize>(head.size()));
  return head.find(kMadeBy) != std::string::npos;
}

// Makes the folder, and refuses one that holds somebody else's files.
Status prepare(const fs::path& directory) {
  std::error_code failed;
  fs::create_directories(directory, failed);
  if (failed) {
    return std::unexpected(permission_denied(fmt::format(
        "cannot make the folder {}: {}; name another", directory.string(), failed.message())));
  }
  if (is_simulated(directory)) return {};
  for (const std::string_view name : kFileNames) {
    if (!fs::exists(directory / name, failed)) continue;
    return std::unexpected(already_exists(
        fmt::format("{} exists and was not made by a simulation; name an empty folder",
                    (directory / name).string())));
  }
  return {};
}

Status write_items(const World& world, OutputFile& items, OutputFile& truth) {
  const Words& words = words_of(world.parameters().language);
  const std::string currency = world.currency().to_string();
  CsvRow row;
  ATTUNE_RETURN_IF_ERROR(
      items.write("product_id,product_name,category,brand,price,currency,launched\n"));
  std::string headings = "product_id,category,weight,log_price_ratio,quality,launch_day";
  for (int k = 0; k < kStyleCount; ++k) headings += fmt::format(",style_{}", k);
  ATTUNE_RETURN_IF_ERROR(truth.write(headings + '\n'));
  for (const Item& item : world.items()) {
    const auto category = static_cast<std::size_t>(item.category);
    row.text(item.id);
    row.text(item.name);
    row.text(words.categories[category].name);
    row.text(item.brand);
    row.amount(item.price_minor);
    row.text(currency);
    row.text(format_date(
        {world.day_start(0).micros + item.launch_day * kMicrosPerDay + kMicrosPerDay / 2}));
    ATTUNE_RETURN_IF_ERROR(items.write(row.finish()));
    row.text(item.id);
    row.text(kCategories[category].key);
    row.real(popularity_on(item, world.parameters().days));
    row.real(item.log_price_ratio);
    row.real(item.quality);
    row.number(item.launch_day);
    for (const float component : item.style) row.real(static_cast<double>(component));
    ATTUNE_RETURN_IF_ERROR(truth.write(row.finish()));
  }
  return {};
}

std::string customer_truth_headings() {
  std::string headings =
      "customer_id,buys,acquired_day,alive_until,purchase_rate,dropout,browse_rate,"
      "price_sensitivity,orders,orders_named,spent,devices";
  for (const CategoryFacts& category : kCategories)
    headings += fmt::format(",taste_{}", category.key);
  for (int k = 0; k < kStyleCount; ++k) headings += fmt::format(",style_{}", k);
  for (int k = 0; k < kChannelCount; ++k) {
    headings += fmt::format(",channel_{}", name(static_cast<Channel>(k)));
  }
  for (int k = 0; k < kDayPartCount; ++k) {
    headings += fmt::format(",day_part_{}", name(static_cast<DayPart>(k)));
  }
  return headings + '\n';
}

std::string_view customer_truth(const World& world, std::int64_t index, CsvRow& row) {
  const CustomerState& state = world.customers()[static_cast<std::size_t>(index)];
  const CustomerTraits traits = make_customer(world.parameters(), index);
  row.text(customer_id(index));
  row.number(traits.buys ? 1 : 0);
  row.number(traits.acquired_day);
  row.text(state.stage == Stage::gone ? format_iso({state.alive_until_micros}) : "");
  row.real(traits.purchase_rate);
  row.real(traits.dropout);
  row.real(traits.browse_rate);
  row.real(static_cast<double>(traits.tastes.price_sensitivity));
  row.number(state.orders);
  row.number(state.orders_named);
  row.amount(state.spent_minor);
  std::string devices;
  for (int channel = 0; channel < kChannelCount; ++channel) {
    if (static_cast<Channel>(channel) == Channel::shop) continue;
    if ((state.devices_known >> channel & 1) == 0) continue;
    if (!devices.empty()) devices += ' ';
    devices += anonymous_id(device_key(world.parameters(), index, static_cast<Channel>(channel)));
  }
  row.text(devices);
  for (const float share : traits.tastes.categories) row.real(static_cast<double>(share));
  for (const float component : traits.tastes.style) row.real(static_cast<double>(component));
  for (const double share : traits.channels) row.real(share);
  for (const double share : traits.day_parts) row.real(share);
  return row.finish();
}

Status write_customers(const World& world, OutputFile& customers, OutputFile& truth) {
  CsvRow row;
  ATTUNE_RETURN_IF_ERROR(
      customers.write("customer_id,name,gender,birth_year,city,email,signed_up\n"));
  ATTUNE_RETURN_IF_ERROR(truth.write(customer_truth_headings()));
  for (std::int64_t i = 0; i < world.parameters().customers; ++i) {
    const Persona persona = make_persona(world.parameters(), i);
    const std::int64_t acquired = world.customers()[static_cast<std::size_t>(i)].acquired_day;
    row.text(customer_id(i));
    row.text(persona.name);
    row.text(persona.gender);
    row.number(persona.birth_year);
    row.text(persona.city);
    row.text(persona.email);
    row.text(format_date({world.day_start(acquired).micros + kMicrosPerDay / 2}));
    ATTUNE_RETURN_IF_ERROR(customers.write(row.finish()));
    ATTUNE_RETURN_IF_ERROR(truth.write(customer_truth(world, i, row)));
  }
  return {};
}

Status write_bots(const Recorder& recorder, OutputFile& file) {
  std::vector<std::pair<std::string, std::int64_t>> bots(recorder.bot_rows().begin(),
                                                         recorder.bot_rows().end());
  std::ranges::sort(bots);
  ATTUNE_RETURN_IF_ERROR(file.write("anonymous_id,rows\n"));
  for (const auto& [id, rows] : bots) {
    ATTUNE_RETURN_IF_ERROR(file.write(fmt::format("{},{}\n", id, rows)));
  }
  return {};
}

PlantedCounts all_counts(const World& world, const PlantedCounts& recorded) {
  PlantedCounts counts = recorded;
  counts.items = world.parameters().items;
  counts.customers = world.parameters().customers;
  counts.sessions = world.counts().sessions;
  counts.buying_sessions = world.counts().buying_sessions;
  counts.orders_placed = world.counts().orders;
  counts.orders_without_customer = world.counts().orders_without_customer;
  for (const CustomerState& state : world.customers()) {
    counts.customers_with_order += state.orders >= 1 ? 1 : 0;
    counts.customers_with_repeat_order += state.orders >= 2 ? 1 : 0;
  }
  return counts;
}

Status live_all_days(World& world, Recorder& recorder, Progress& progress) {
  progress.phase("simulating", world.parameters().days, "days");
  ATTUNE_RETURN_IF_ERROR(recorder.write_headings());
  while (!world.finished()) {
    if (progress.cancelled()) {
      return std::unexpected(cancelled("the simulation was stopped; it left no files"));
    }
    recorder.begin_day(world.day());
    ATTUNE_RETURN_IF_ERROR(world.step_day(recorder));
    progress.advance(world.day());
  }
  return recorder.finish();
}

// Closes all, then names all, the mark of a simulation first.
Status keep_all(const std::vector<OutputFile*>& files) {
  for (OutputFile* file : files) ATTUNE_RETURN_IF_ERROR(file->close());
  for (OutputFile* file : files) ATTUNE_RETURN_IF_ERROR(file->keep());
  return {};
}

}  // namespace

Result<PlantedCounts> write_shop(const ShopParameters& parameters, const fs::path& directory,
                                 Progress& progress) {
  ATTUNE_ASSIGN_OR_RETURN(World world, World::create(parameters));
  ATTUNE_RETURN_IF_ERROR(prepare(directory));
  const auto open = [&](std::string_view name, bool gzip = false) {
    return OutputFile::create(directory / name, gzip);
  };
  const std::string_view events_name = parameters.gzip ? "events.csv.gz" : "events.csv";
  ATTUNE_ASSIGN_OR_RETURN(OutputFile summary, open("truth.json"));
  ATTUNE_ASSIGN_OR_RETURN(OutputFile events, open(events_name, parameters.gzip));
  ATTUNE_ASSIGN_OR_RETURN(OutputFile orders, open("orders.csv"));
  ATTUNE_ASSIGN_OR_RETURN(OutputFile items, open("items.csv"));
  ATTUNE_ASSIGN_OR_RETURN(OutputFile customers, open("customers.csv"));
  ATTUNE_ASSIGN_OR_RETURN(OutputFile true_items, open("truth_items.csv"));
  ATTUNE_ASSIGN_OR_RETURN(OutputFile true_customers, open("truth_customers.csv"));
  ATTUNE_ASSIGN_OR_RETURN(OutputFile bots, open("truth_bots.csv"));

  Recorder recorder(world, events, orders);
  ATTUNE_RETURN_IF_ERROR(live_all_days(world, recorder, progress));
  ATTUNE_RETURN_IF_ERROR(write_items(world, items, true_items));
  ATTUNE_RETURN_IF_ERROR(write_customers(world, customers, true_customers));
  ATTUNE_RETURN_IF_ERROR(write_bots(recorder, bots));
  PlantedCounts counts = all_counts(world, recorder.counts());
  ATTUNE_RETURN_IF_ERROR(summary.write(write_summary(world, counts)));
  ATTUNE_RETURN_IF_ERROR(keep_all(
      {&summary, &events, &orders, &items, &customers, &true_items, &true_customers, &bots}));
  // The events of an earlier simulation in the other form.
  std::error_code ignored;
  fs::remove(directory / (parameters.gzip ? "events.csv" : "events.csv.gz"), ignored);
  return counts;
}

}  // namespace attune::simulate
