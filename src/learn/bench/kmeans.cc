// Times k-means on rows from a file, for claims that set it beside a peer.
//   attune_learn_kmeans FILE CLUSTERS [--restarts N] [--moves N] [--iterations N] [--tolerance X]
//     [--start plus_plus|random] [--threads N] [--seed N]
// FILE, little-endian: int64 rows, int64 columns, float32 values row by row. Prints one line of
// JSON: objective, iterations of the run kept, seconds by the clock and of CPU.
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include <fmt/format.h>

#include "attune/learn/kmeans.h"

namespace {

using namespace attune;
using namespace attune::learn;

[[noreturn]] void fail(const std::string& message) {
  fmt::print(stderr, "{}\n", message);
  std::exit(1);
}

math::MatrixF read_rows(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::int64_t sizes[2] = {};
  if (!in.read(reinterpret_cast<char*>(sizes), sizeof sizes)) fail("cannot read " + path);
  math::MatrixF rows(sizes[0], sizes[1]);
  const auto data = rows.data();
  if (!in.read(reinterpret_cast<char*>(data.data()),
               static_cast<std::streamsize>(data.size_bytes())))
    fail("the file is cut short");
  return rows;
}

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) fail("usage: attune_learn_kmeans FILE CLUSTERS [--restarts N] ...");
  KMeansParameters parameters;
  KMeansOptions options;
  parameters.clusters = std::stoi(argv[2]);
  for (int i = 3; i + 1 < argc; i += 2) {
    const std::string name = argv[i], value = argv[i + 1];
    if (name == "--restarts") {
      parameters.restarts = std::stoi(value);
    } else if (name == "--moves") {
      parameters.moves = std::stoi(value);
    } else if (name == "--iterations") {
      parameters.iterations_max = std::stoi(value);
    } else if (name == "--tolerance") {
      parameters.tolerance = std::stod(value);
    } else if (name == "--start") {
      parameters.start = value == "random" ? KMeansStart::random : KMeansStart::plus_plus;
    } else if (name == "--threads") {
      options.threads = std::stoi(value);
    } else if (name == "--seed") {
      options.seed = std::stoull(value);
    } else {
      fail("there is no option " + name);
    }
  }
  const math::MatrixF rows = read_rows(argv[1]);
  const double cpu = cpu_seconds();
  const auto begun = std::chrono::steady_clock::now();
  const auto model = fit_kmeans(rows, parameters, options);
  if (!model) fail(to_string(model.error()));
  const double wall =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  fmt::print("{{\"objective\": {:.6f}, \"iterations\": {}, \"wall\": {:.4f}, \"cpu\": {:.4f}}}\n",
             model->objective, model->iterations, wall, cpu_seconds() - cpu);
  return 0;
}
