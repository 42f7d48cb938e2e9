// Where the time of an import goes. Answers: which stage took how long, and how much of both cores
// did it use?
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "attune/base/progress.h"
#include "attune/engine/import.h"

namespace attune::engine {

// What runs side by side while files are read.
enum class ReadingPart : std::uint8_t { read, convert, sort_out, bundle, stage };
inline constexpr std::size_t kReadingParts = 5;

// A Progress that passes everything on and takes the time of each phase: wall time, and the CPU
// time of the whole process. A phase is known by the first word of its name, so that the phases of
// several files ("reading a.csv") add up to one stage.
// Threads: phase() and stages() one at a time; part() from any.
class StageClock final : public Progress {
 public:
  explicit StageClock(Progress& to) : to_(to) {}

  void phase(std::string_view name, std::int64_t total, std::string_view unit) override;
  void advance(std::int64_t done) override { to_.advance(done); }
  bool cancelled() const override { return to_.cancelled(); }

  // Counts the CPU time of the calling thread from here to the end of the returned object's life.
  class Part {
   public:
    explicit Part(std::atomic<std::int64_t>& sum);
    Part(const Part&) = delete;
    Part& operator=(const Part&) = delete;
    ~Part();

   private:
    std::atomic<std::int64_t>& sum_;
    std::int64_t begun_;
  };
  Part part(ReadingPart part) { return Part(parts_[static_cast<std::size_t>(part)]); }

  // Ends the phase under way. What the parts of reading leave of its CPU time is "writing staged
  // rows", which goes on beside them.
  std::vector<ImportStage> stages();

 private:
  struct Phase {
    std::string name;
    double wall_seconds = 0;
    double cpu_seconds = 0;
  };
  void end_phase();

  Progress& to_;
  std::vector<Phase> phases_;
  std::size_t current_ = 0;  // of phases_, while there is one
  bool running_ = false;
  std::chrono::steady_clock::time_point begun_;
  double cpu_begun_ = 0;
  std::array<std::atomic<std::int64_t>, kReadingParts> parts_{};  // nanoseconds
};

}  // namespace attune::engine
