// Prints the leaderboard of recommenders on a file of lines customer TAB item TAB weight TAB unix
// time.
//   attune_recommend_leaderboard FILE [--split random|leave-one-out|time] [--seeds N] [-k N]
//     [--sampled N] [--binary] [--threads N] NAME[:parameter=value,...] ...
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <unordered_map>

#include <fmt/format.h>

#include "attune/recommend/evaluate.h"

namespace {

using namespace attune;
using namespace attune::recommend;

struct Arguments {
  std::string file;
  bool binary = false;
  EvaluateOptions options;
  std::vector<Entrant> entrants;
};

[[noreturn]] void fail(const std::string& message) {
  fmt::print(stderr, "{}\n", message);
  std::exit(1);
}

Entrant parse_entrant(const std::string& text) {
  Entrant entrant{.recommender = text.substr(0, text.find(':')), .parameters = {}, .label = text};
  std::size_t at = text.find(':');
  while (at != std::string::npos) {
    const std::size_t next = text.find(',', at + 1);
    const std::string pair = text.substr(at + 1, next == std::string::npos ? next : next - at - 1);
    const std::size_t equals = pair.find('=');
    if (equals == std::string::npos) fail("expected parameter=value, got " + pair);
    entrant.parameters.emplace_back(pair.substr(0, equals), pair.substr(equals + 1));
    at = next;
  }
  return entrant;
}

Arguments parse(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string option = argv[i];
    const auto value = [&] {
      return ++i < argc ? std::string(argv[i]) : (fail(option + " needs a value"), std::string());
    };
    if (option == "--split") {
      const auto kind = learn::parse_split_kind(value());
      if (!kind) fail(to_string(kind.error()));
      arguments.options.split.kind = *kind;
    } else if (option == "--seeds") {
      arguments.options.seeds.clear();
      for (int s = 1, n = std::stoi(value()); s <= n; ++s)
        arguments.options.seeds.push_back(static_cast<std::uint64_t>(s));
    } else if (option == "-k") {
      arguments.options.k = {std::stoi(value())};
    } else if (option == "--sampled") {
      arguments.options.candidates = Candidates::sampled;
      arguments.options.sampled_negatives = std::stoi(value());
    } else if (option == "--binary") {
      arguments.binary = true;
    } else if (option == "--threads") {
      arguments.options.threads = std::stoi(value());
    } else if (arguments.file.empty()) {
      arguments.file = option;
    } else {
      arguments.entrants.push_back(parse_entrant(option));
    }
  }
  return arguments;
}

InteractionLog read(const Arguments& arguments) {
  std::ifstream file(arguments.file);
  if (!file) fail("cannot read " + arguments.file);
  std::unordered_map<std::string, std::int32_t> customers, items;
  InteractionLog log;
  std::string customer, item, weight, time;
  while (std::getline(file, customer, '\t') && std::getline(file, item, '\t') &&
         std::getline(file, weight, '\t') && std::getline(file, time)) {
    const auto c =
        customers.try_emplace(customer, static_cast<std::int32_t>(customers.size())).first->second;
    const auto i = items.try_emplace(item, static_cast<std::int32_t>(items.size())).first->second;
    log.events.push_back({c, i, arguments.binary ? 1.0f : std::stof(weight),
                          Timestamp{std::stoll(time) * kMicrosPerSecond}});
  }
  log.customers = static_cast<std::int32_t>(customers.size());
  log.items = static_cast<std::int32_t>(items.size());
  return log;
}

void print(const Leaderboard& board) {
  fmt::print("{} customers, {} items, {} + {} pairs, {} tested, split {}, candidates {}\n",
             board.customers, board.items, board.train_pairs, board.test_pairs,
             board.customers_tested, board.split, board.candidates);
  for (const LeaderboardRow& row : board.rows) {
    fmt::print("{}\n   fit {:.2f} s, recommend {:.2f} s\n", row.recommender, row.fit_seconds,
               row.recommend_seconds);
    for (const auto& [name, value] : row.metrics) {
      fmt::print("   {:<18} {:.4f}  [{:.4f}, {:.4f}]\n", name, value.mean, value.low, value.high);
    }
    for (const std::string& warning : row.warnings) fmt::print("   warning: {}\n", warning);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments = parse(argc, argv);
  const auto board = evaluate(read(arguments), arguments.entrants, arguments.options);
  if (!board) fail(to_string(board.error()));
  print(*board);
  return 0;
}
