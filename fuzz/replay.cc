// Runs a fuzz target over files, without a fuzzer. Answers: do the inputs that once mattered still pass?
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

std::vector<std::filesystem::path> files_of(const std::filesystem::path& given) {
  std::vector<std::filesystem::path> files;
  if (std::filesystem::is_directory(given)) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(given)) {
      if (entry.is_regular_file()) files.push_back(entry.path());
    }
    std::ranges::sort(files);
  } else if (std::filesystem::exists(given)) {
    files.push_back(given);
  }
  return files;
}

void run(const std::string& bytes) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
}

}  // namespace

// Usage: PROGRAM FILE_OR_FOLDER…; the empty input is always run first.
int main(int argc, char** argv) {
  run({});
  std::size_t count = 1;
  for (int i = 1; i < argc; ++i) {
    for (const std::filesystem::path& file : files_of(argv[i])) {
      std::ifstream in(file, std::ios::binary);
      run(std::string(std::istreambuf_iterator<char>(in), {}));
      ++count;
    }
  }
  std::printf("%zu inputs replayed\n", count);
  return 0;
}
