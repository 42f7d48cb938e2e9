#include "measured.h"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include <fmt/format.h>

#include "attune/base/files.h"

namespace attune::bench {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr double kChanged = .05;
constexpr std::string_view kOurs = "Attune";

std::string text_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
}

double number_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_number() ? value->to_number<double>() : kNone;
}

bool flag_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_bool() && value->as_bool();
}

std::optional<json::object> object_in(std::string_view text) {
  boost::system::error_code failure;
  json::value value = json::parse(text, failure);
  if (failure || !value.is_object()) return std::nullopt;
  return std::move(value.as_object());
}

// Seconds of Google Benchmark's unit; NaN of another one.
double seconds_of(std::string_view unit) {
  if (unit == "ns") return 1e-9;
  if (unit == "us") return 1e-6;
  if (unit == "ms") return 1e-3;
  return unit == "s" ? 1 : kNone;
}

// The files with this extension, by name; none without the folder.
Result<std::vector<fs::path>> files_in(const fs::path& folder, std::string_view extension) {
  std::vector<fs::path> files;
  std::error_code failure;
  fs::directory_iterator entry(folder, failure);
  for (; !failure && entry != fs::directory_iterator(); entry.increment(failure)) {
    if (entry->path().extension() == extension) files.push_back(entry->path());
  }
  if (failure && failure != std::errc::no_such_file_or_directory) {
    return std::unexpected(
        unavailable(fmt::format("cannot list {}: {}", folder.string(), failure.message())));
  }
  std::ranges::sort(files);
  return files;
}

// The files of Google Benchmark of one side.
class Side {
 public:
  Side(Measured& measured, bool head) : measured_(measured), head_(head) {}

  Status read(const fs::path& file) {
    ATTUNE_ASSIGN_OR_RETURN(const std::string text, read_file(file));
    const std::optional<json::object> all = object_in(text);
    const json::value* benchmarks = all ? all->if_contains("benchmarks") : nullptr;
    if (benchmarks == nullptr || !benchmarks->is_array())
      return std::unexpected(bad(file, "is no output of Google Benchmark, or was cut short"));
    if (const json::value* context = all->if_contains("context"); context && context->is_object())
      take_context(context->as_object());
    const std::string name = file.filename().string();
    for (const json::value& one : benchmarks->as_array()) {
      if (!one.is_object() || !take(one.as_object(), name.substr(0, name.find('.'))))
        return std::unexpected(bad(file, "holds a benchmark without name, cpu_time or time_unit"));
    }
    return {};
  }

 private:
  static Error bad(const fs::path& file, std::string_view what) {
    return data_corruption(
        fmt::format("{} {}; run the benchmarks again, or remove it", file.string(), what));
  }

  void take_context(const json::object& context) {
    if (!head_ || !measured_.date.empty()) return;
    measured_.date = text_of(context, "date").substr(0, 10);
    const double cores = number_of(context, "num_cpus");
    if (cores >= 1 && cores < 1e6) measured_.cores = static_cast<int>(cores);
  }

  // False where it lacks something.
  bool take(const json::object& one, const std::string& program) {
    if (text_of(one, "run_type") == "aggregate") return true;
    const std::string name = text_of(one, "name");
    if (name.empty()) return false;
    if (flag_of(one, "error_occurred")) {
      measured_.failures.push_back(
          {program, head_ ? name : name + " (base)", text_of(one, "error_message")});
      return true;
    }
    const double seconds = number_of(one, "cpu_time") * seconds_of(text_of(one, "time_unit"));
    if (!std::isfinite(seconds) || seconds < 0) return false;
    Timing& timing = timing_of(program, name);
    std::vector<double>& rounds = head_ ? timing.head : timing.base;
    rounds.insert(std::ranges::upper_bound(rounds, seconds), seconds);
    return true;
  }

  Timing& timing_of(const std::string& program, const std::string& name) {
    const auto found = std::ranges::find_if(measured_.timings, [&](const Timing& timing) {
      return timing.program == program && timing.name == name;
    });
    if (found != measured_.timings.end()) return *found;
    return measured_.timings.emplace_back(program, name);
  }

  Measured& measured_;
  bool head_;
};

using Problem = std::optional<std::string>;  // a sentence without its subject

Problem problem_of(const json::object& point) {
  for (const char* name :
       {"title", "peer", "size_name", "unit", "claim", "machine", "date", "commit"}) {
    if (text_of(point, name).empty()) return fmt::format("has no '{}'", name);
  }
  if (text_of(point, "peer") == kOurs) return fmt::format("calls the peer {}", kOurs);
  const std::string better = text_of(point, "better");
  if (better != "lower" && better != "higher") return "says in 'better' neither lower nor higher";
  const double size = number_of(point, "size");
  if (!std::isfinite(size) || size <= 0) return "has no 'size' above 0";
  for (const char* name : {"ours", "theirs"}) {
    const double value = number_of(point, name);
    if (!std::isfinite(value) || value < 0)
      return fmt::format("has no number from 0 in '{}'", name);
  }
  return std::nullopt;
}

// The curve that a point tells of, without a peer yet.
Curve begun_by(const json::object& point) {
  return {.title = text_of(point, "title"),
          .size_name = text_of(point, "size_name"),
          .unit = text_of(point, "unit"),
          .higher_is_better = text_of(point, "better") == "higher",
          .claim = text_of(point, "claim"),
          .machine = text_of(point, "machine"),
          .date = text_of(point, "date"),
          .commit = text_of(point, "commit"),
          .lines = {{std::string(kOurs), {}}}};
}

Curve::Line& line_of(Curve& curve, const std::string& name) {
  const auto found = std::ranges::find(curve.lines, name, &Curve::Line::name);
  return found != curve.lines.end() ? *found : curve.lines.emplace_back(name);
}

// Puts one line of a file of curves to those of the file.
Problem take_point(std::string_view line, std::vector<Curve>& curves) {
  const std::optional<json::object> point = object_in(line);
  if (!point) return "is no JSON object";
  if (Problem problem = problem_of(*point)) return problem;
  const Curve told = begun_by(*point);
  auto curve = std::ranges::find(curves, told.title, &Curve::title);
  if (curve == curves.end()) curve = curves.insert(curves.end(), told);
  if (curve->size_name != told.size_name || curve->unit != told.unit ||
      curve->higher_is_better != told.higher_is_better) {
    return fmt::format("measures '{}' otherwise than a line before", told.title);
  }
  const double size = number_of(*point, "size");
  line_of(*curve, std::string(kOurs)).values[size] = number_of(*point, "ours");
  line_of(*curve, text_of(*point, "peer")).values[size] = number_of(*point, "theirs");
  return std::nullopt;
}

// A claim may draw several curves: points of one title belong together.
Status read_curves(const fs::path& file, std::vector<Curve>& curves) {
  ATTUNE_ASSIGN_OR_RETURN(const std::string text, read_file(file));
  std::vector<Curve> of_file;
  std::size_t number = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = std::string_view(text).substr(at, end - at);
    at = end + 1;
    ++number;
    if (line.empty()) continue;
    if (const Problem problem = take_point(line, of_file)) {
      return std::unexpected(
          data_corruption(fmt::format("line {} of {} {}; run its claim again, or remove the file",
                                      number, file.string(), *problem)));
    }
  }
  curves.insert(curves.end(), of_file.begin(), of_file.end());
  return {};
}

Status read_side(const fs::path& folder, bool head, Measured& measured) {
  ATTUNE_ASSIGN_OR_RETURN(const std::vector<fs::path> files, files_in(folder, ".json"));
  Side side(measured, head);
  for (const fs::path& file : files) ATTUNE_RETURN_IF_ERROR(side.read(file));
  return {};
}

}  // namespace

double median(const std::vector<double>& values) {
  if (values.empty()) return kNone;
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

Change change_of(const Timing& timing) {
  if (timing.base.empty()) return Change::only_head;
  if (timing.head.empty()) return Change::only_base;
  const double head = median(timing.head), base = median(timing.base);
  if (head > base * (1 + kChanged) && timing.head.front() > timing.base.back())
    return Change::slower;
  if (head < base * (1 - kChanged) && timing.head.back() < timing.base.front())
    return Change::faster;
  return Change::same;
}

std::string_view name_of(Change change) {
  static constexpr std::string_view kNames[] = {"same", "slower", "faster", "new", "gone"};
  return kNames[static_cast<std::size_t>(change)];
}

Family family_of(const std::string& benchmark) {
  const std::size_t cut = benchmark.rfind('/');
  const Family whole{benchmark, kNone};
  if (cut == std::string::npos) return whole;
  double size = 0;
  const char* const end = benchmark.data() + benchmark.size();
  const auto read = std::from_chars(benchmark.data() + cut + 1, end, size);
  if (read.ec != std::errc() || read.ptr != end) return whole;
  return {benchmark.substr(0, cut), size};
}

Result<Measured> read_measured(const fs::path& folder, bool with_base) {
  std::error_code failure;
  if (!fs::is_directory(folder, failure))
    return std::unexpected(not_found(fmt::format("there is no folder {}", folder.string())));
  Measured measured;
  ATTUNE_RETURN_IF_ERROR(read_side(folder / "head", true, measured));
  if (with_base) ATTUNE_RETURN_IF_ERROR(read_side(folder / "base", false, measured));
  std::ranges::stable_sort(measured.timings, {}, &Timing::program);
  ATTUNE_ASSIGN_OR_RETURN(const auto files, files_in(folder / "curves", ".jsonl"));
  for (const fs::path& file : files) ATTUNE_RETURN_IF_ERROR(read_curves(file, measured.curves));
  if (measured.timings.empty() && measured.failures.empty() && measured.curves.empty()) {
    return std::unexpected(not_found(fmt::format(
        "{} holds nothing that was measured: no head/*.json and no curves/*.jsonl; `./run bench` "
        "fills it",
        folder.string())));
  }
  return measured;
}

}  // namespace attune::bench
