// Times one recommender on interactions from a file, for claims that set it beside a peer.
//   attune_recommend_speed FILE NAME [parameter=value ...] [--threads N] [--instructions NAME]
//     [--lists OUT] [-k N] [--first N] [--every-score] [--repeat N]
//   attune_recommend_speed --instruction-sets
// FILE: interactions_file.h. Prints one line of JSON: seconds of the fit and of its steps
// (iterations of ials), and of the lists of everyone, by the clock and of CPU. OUT receives int32
// (customers, k), -1 where a list is shorter; --first: of so many customers.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <numeric>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "attune/math/kernels.h"
#include "attune/recommend/recommender.h"
#include "interactions_file.h"

namespace {

using namespace attune;
using namespace attune::recommend;
using bench::fail;

struct Moment {
  double wall = 0, cpu = 0;
  static Moment now() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& t) {
      return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
    };
    const auto clock = std::chrono::steady_clock::now().time_since_epoch();
    return {std::chrono::duration<double>(clock).count(),
            seconds(usage.ru_utime) + seconds(usage.ru_stime)};
  }
  Moment since(const Moment& before) const { return {wall - before.wall, cpu - before.cpu}; }
};

std::string json(const Moment& m) {
  return fmt::format("{{\"wall\": {:.4f}, \"cpu\": {:.4f}}}", m.wall, m.cpu);
}

// Takes the time whenever the fit says that it moved on.
class Steps final : public Progress {
 public:
  void phase(std::string_view, std::int64_t, std::string_view) override { last_ = Moment::now(); }
  void advance(std::int64_t) override {
    const Moment now = Moment::now();
    taken.push_back(json(now.since(last_)));
    last_ = now;
  }
  std::vector<std::string> taken;

 private:
  Moment last_;
};

struct Arguments {
  std::string file, name, lists;
  std::vector<std::pair<std::string, std::string>> parameters;
  int threads = 2, k = 10, repeat = 1;
  std::int32_t first = 0;
  bool every_score = false;
};

Arguments parse(int argc, char** argv) {
  Arguments a;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const auto value = [&]() -> std::string {
      if (++i >= argc) fail(word + " needs a value");
      return argv[i];
    };
    if (word == "--threads") {
      a.threads = std::stoi(value());
    } else if (word == "-k") {
      a.k = std::stoi(value());
    } else if (word == "--instruction-sets") {
      for (const std::string& name : math::instruction_sets()) fmt::print("{}\n", name);
      std::exit(0);
    } else if (word == "--every-score") {
      a.every_score = true;
    } else if (word == "--first") {
      a.first = std::stoi(value());
    } else if (word == "--repeat") {
      a.repeat = std::stoi(value());
    } else if (word == "--lists") {
      a.lists = value();
    } else if (word == "--instructions") {
      if (!math::use_instruction_set(value())) {
        fail(fmt::format("this CPU has {}", fmt::join(math::instruction_sets(), ", ")));
      }
    } else if (a.file.empty()) {
      a.file = word;
    } else if (a.name.empty()) {
      a.name = word;
    } else {
      const std::size_t equals = word.find('=');
      if (equals == std::string::npos) fail("expected parameter=value, got " + word);
      a.parameters.emplace_back(word.substr(0, equals), word.substr(equals + 1));
    }
  }
  if (a.name.empty()) fail("usage: attune_recommend_speed FILE NAME [parameter=value ...]");
  return a;
}

// Lists of everyone; into the file if there is one to write.
Moment list_everyone(const Recommender& recommender, const Arguments& a) {
  std::vector<std::int32_t> lists;
  BatchOptions options;
  options.list.k = a.k;
  options.threads = a.threads;
  options.every_score = a.every_score;
  std::vector<std::int32_t> first(
      static_cast<std::size_t>(std::min(a.first, recommender.interactions().customers())));
  std::iota(first.begin(), first.end(), 0);
  options.customers = first;
  const Moment begun = Moment::now();
  const Status status = recommender.recommend_all(
      options, [&](std::int32_t, std::span<const ScoredIndex> list) -> Status {
        for (const ScoredIndex& entry : list) lists.push_back(entry.index);
        lists.resize(lists.size() + static_cast<std::size_t>(a.k) - list.size(), -1);
        return {};
      });
  if (!status) fail(to_string(status.error()));
  const Moment taken = Moment::now().since(begun);
  std::ofstream out(a.lists, std::ios::binary);
  out.write(reinterpret_cast<const char*>(lists.data()),
            static_cast<std::streamsize>(lists.size() * sizeof(std::int32_t)));
  return taken;
}

}  // namespace

int main(int argc, char** argv) {
  const Arguments a = parse(argc, argv);
  const Interactions interactions = bench::read_interactions(a.file);
  (void)interactions.by_item();
  std::string lists;
  for (int i = 0; i < a.repeat; ++i) {
    auto recommender = make_recommender(a.name);
    if (!recommender) fail(to_string(recommender.error()));
    for (const auto& [name, value] : a.parameters) {
      if (const Status set = (*recommender)->set_parameter(name, value); !set)
        fail(to_string(set.error()));
    }
    Steps steps;
    const Moment begun = Moment::now();
    const auto report =
        (*recommender)->fit(interactions, {.threads = a.threads, .progress = &steps});
    if (!report) fail(to_string(report.error()));
    const Moment fit = Moment::now().since(begun);
    if (!a.lists.empty() || a.k > 10) {
      lists = fmt::format(", \"lists\": {}", json(list_everyone(**recommender, a)));
    }
    fmt::print("{{\"fit\": {}, \"objective\": {}, \"steps\": [{}]{}}}\n", json(fit),
               report->objective, fmt::join(steps.taken, ", "), lists);
  }
  return 0;
}
