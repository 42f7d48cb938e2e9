#include "attune/report/progress_bar.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <csignal>

#include "attune/base/error.h"
#include "attune/base/text.h"
#include "attune/report/format.h"
#include "attune/report/table.h"

namespace attune::report {
namespace {

constexpr double kRedrawSeconds = 0.1;
constexpr int kBarWidth = 24;
constexpr std::array<int, 2> kSignals{SIGINT, SIGTERM};

// What a signal handler may touch.
std::atomic<int> received_signal{0};
std::atomic<bool> stop_signal_lives{false};
static_assert(std::atomic<int>::is_always_lock_free);
std::array<struct sigaction, kSignals.size()> previous_actions{};

extern "C" void on_stop_signal(int signal) {
  int none = 0;
  if (!received_signal.compare_exchange_strong(none, signal)) ::_exit(128 + signal);
}

double steady_seconds() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double>(now).count();
}

void write_all(int file_descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(file_descriptor, text.data(), text.size());
    if (written <= 0) return;  // a closed terminal is no reason to stop the work
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

// Eighths of a column make the bar move smoothly.
std::string bar(double share) {
  static constexpr std::string_view kEighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const int eighths = static_cast<int>(std::clamp(share, 0.0, 1.0) * kBarWidth * 8);
  std::string drawn;
  for (int i = 0; i < eighths / 8; ++i) drawn += "█";
  drawn += kEighths[eighths % 8];
  for (int i = display_width(drawn); i < kBarWidth; ++i) drawn += "·";
  return drawn;
}

std::string cut(const std::string& line, int width) {
  if (display_width(line) <= width) return line;
  std::string kept;
  for (std::size_t at = 0; at < line.size();) {
    std::size_t end = at + 1;
    while (end < line.size() && (static_cast<unsigned char>(line[end]) & 0xC0) == 0x80) ++end;
    if (display_width(kept) + display_width(line.substr(at, end - at)) > width) break;
    kept += line.substr(at, end - at);
    at = end;
  }
  return kept;
}

}  // namespace

StopSignal::StopSignal() {
  ATTUNE_CHECK(!stop_signal_lives.exchange(true), "there is a StopSignal already");
  received_signal = 0;
  struct sigaction action{};
  action.sa_handler = on_stop_signal;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    ::sigaction(kSignals[i], &action, &previous_actions[i]);
  }
}

StopSignal::~StopSignal() {
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    ::sigaction(kSignals[i], &previous_actions[i], nullptr);
  }
  stop_signal_lives = false;
}

bool StopSignal::stopped() const { return received_signal != 0; }
int StopSignal::signal() const { return received_signal; }

ProgressBar::ProgressBar(ProgressBarOptions options) : options_(std::move(options)) {
  silent_ = !options_.write && !is_terminal(options_.file_descriptor);
  if (!options_.write) {
    options_.write = [fd = options_.file_descriptor](std::string_view text) {
      write_all(fd, text);
    };
  }
  if (!options_.seconds) options_.seconds = steady_seconds;
}

ProgressBar::~ProgressBar() { finish(); }

bool ProgressBar::cancelled() const { return options_.stop != nullptr && options_.stop->stopped(); }

void ProgressBar::phase(std::string_view name, std::int64_t total, std::string_view unit) {
  if (silent_) return;
  const std::lock_guard lock(mutex_);
  const double now = options_.seconds();
  end_phase(now);
  name_ = quoted(name, 200);
  unit_ = quoted(unit, 40);
  total_ = total;
  done_ = rate_done_ = 0;
  rate_ = 0;
  phase_start_ = rate_time_ = now;
  const int terminal =
      options_.width > 0 ? options_.width : terminal_style(options_.file_descriptor).width;
  width_ = terminal > 0 ? terminal : 80;
  open_ = true;
  drawn_ = false;
  next_draw_ = now + kRedrawSeconds;  // what is over at once shows no bar
}

void ProgressBar::advance(std::int64_t done) {
  if (silent_) return;
  const std::lock_guard lock(mutex_);
  if (!open_) return;
  done_ = done;
  const double now = options_.seconds();
  if (now < next_draw_) return;
  next_draw_ = now + kRedrawSeconds;
  draw(now);
}

void ProgressBar::finish() {
  if (silent_) return;
  const std::lock_guard lock(mutex_);
  end_phase(options_.seconds());
}

void ProgressBar::message(std::string_view line_text) {
  if (silent_) return;
  const std::lock_guard lock(mutex_);
  if (drawn_) options_.write("\r\x1b[K");
  options_.write(quoted(line_text, 1000) + "\n");
  if (open_ && drawn_) options_.write(line(options_.seconds()));
}

// The rate is smoothed over about three seconds, so that the remaining time does not jump.
void ProgressBar::draw(double now) {
  const double elapsed = now - rate_time_;
  if (elapsed > 0) {
    const double current = static_cast<double>(done_ - rate_done_) / elapsed;
    const double weight = rate_ == 0 ? 1 : 1 - std::exp(-elapsed / 3);
    rate_ += weight * (current - rate_);
    rate_time_ = now;
    rate_done_ = done_;
  }
  drawn_ = true;
  options_.write("\r\x1b[K" + line(now));
}

std::string ProgressBar::line(double now) const {
  const double done = static_cast<double>(done_), total = static_cast<double>(total_);
  const bool bytes = unit_ == "bytes";
  const auto amount = [&](double units) {
    return bytes ? format_bytes(units)
                 : format_number(units, {.kind = NumberFormat::Kind::number, .decimals = 0});
  };
  std::string shown = name_ + "  ";
  if (total_ > 0) {
    shown += fmt::format("{} {:3.0f}%  ", bar(done / total), 100 * std::min(1.0, done / total));
  }
  shown += amount(done) + (bytes ? "" : " " + unit_);
  if (rate_ > 0) {
    const int decimals = rate_ < 10 ? 1 : 0;
    shown += bytes ? fmt::format("  {}/s", format_bytes(rate_))
                   : fmt::format("  {}/s", format_number(rate_, {.decimals = decimals}));
  }
  if (cancelled()) {
    shown += "  stopping…";
  } else if (total_ > 0 && rate_ > 0 && done_ < total_) {
    shown += fmt::format("  {} left", format_seconds((total - done) / rate_));
  } else {
    shown += "  " + format_seconds(now - phase_start_);
  }
  return cut(shown, width_ - 1);
}

void ProgressBar::end_phase(double now) {
  if (!open_) return;
  open_ = false;
  const double elapsed = now - phase_start_;
  const std::string amount = unit_ == "bytes" ? format_bytes(static_cast<double>(done_))
                                              : format_count(done_) + " " + unit_;
  const std::string state = cancelled() ? "  stopped" : "";
  options_.write(fmt::format(
      "{}{}\n", drawn_ ? "\r\x1b[K" : "",
      cut(fmt::format("{}  {}  {}{}", name_, amount, format_seconds(elapsed), state), width_ - 1)));
  drawn_ = false;
}

}  // namespace attune::report
