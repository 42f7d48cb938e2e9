// Long work in a terminal: a line that moves, and Ctrl-C that is heard. Answers: how far is it, how
// long still?
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "attune/base/progress.h"

namespace attune::report {

// While it lives, SIGINT and SIGTERM set a flag instead of ending the process; a second one ends it
// at once (exit status 128 + signal). The handlers before it are put back when it dies. One at a
// time in a process: a second one living is a programmer error.
class StopSignal {
 public:
  StopSignal();
  ~StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  bool stopped() const;
  int signal() const;  // 0 while not stopped
};

struct ProgressBarOptions {
  const StopSignal* stop = nullptr;  // cancelled() asks it; must outlive the bar
  int file_descriptor = 2;           // silent when not a terminal, unless `write` is given
  // For tests, and for a program that paints its screen itself.
  std::function<void(std::string_view)> write = {};
  std::function<double()> seconds = {};  // a steady clock
  int width = 0;                         // 0: the terminal's, asked at every phase
  bool colour = false;
};

// Draws at most 10 times a second; a phase ends with one line "name  12,345 rows  3.2 s" that
// stays.
// Threads: safe to call from any thread; advance() between two drawings costs a clock reading and
// an uncontended lock.
class ProgressBar final : public Progress {
 public:
  explicit ProgressBar(ProgressBarOptions options = {});
  ~ProgressBar() override;

  void phase(std::string_view name, std::int64_t total, std::string_view unit) override;
  void advance(std::int64_t done) override;
  bool cancelled() const override;

  // Ends the phase at hand and leaves its line; also called by the destructor. After it, the bar
  // takes new phases.
  void finish();
  // Prints a line above the bar.
  void message(std::string_view line);

 private:
  void draw(double now);
  std::string line(double now) const;
  void end_phase(double now);

  ProgressBarOptions options_;
  bool silent_ = false;
  std::mutex mutex_;
  std::string name_;
  std::string unit_;
  std::int64_t total_ = 0;
  std::int64_t done_ = 0;
  int width_ = 80;
  double phase_start_ = 0;
  double next_draw_ = 0;
  double rate_ = 0;  // smoothed units per second
  double rate_time_ = 0;
  std::int64_t rate_done_ = 0;
  bool open_ = false;
  bool drawn_ = false;
};

}  // namespace attune::report
