#include "interactions_file.h"

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <vector>

#include <fmt/format.h>

namespace attune::recommend::bench {
namespace {

template <class T>
std::vector<T> read_array(std::ifstream& in, std::int64_t count) {
  std::vector<T> values(static_cast<std::size_t>(count));
  if (!in.read(reinterpret_cast<char*>(values.data()),
               static_cast<std::streamsize>(values.size() * sizeof(T))))
    fail("the file is cut short");
  return values;
}

}  // namespace

void fail(const std::string& message) {
  fmt::print(stderr, "{}\n", message);
  std::exit(1);
}

Interactions read_interactions(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) fail("cannot read " + path);
  const auto sizes = read_array<std::int32_t>(in, 2);
  const auto pairs = read_array<std::int64_t>(in, 1)[0];
  auto offsets = read_array<std::int64_t>(in, std::int64_t{sizes[0]} + 1);
  auto items = read_array<std::int32_t>(in, pairs);
  auto weights = read_array<float>(in, pairs);
  auto matrix = math::CsrMatrix::from_parts(sizes[1], std::move(offsets), std::move(items),
                                            std::move(weights), {});
  if (!matrix) fail(to_string(matrix.error()));
  return Interactions::from_matrix(*matrix);
}

}  // namespace attune::recommend::bench
