// attune_bench_page FOLDER HEAD [BASE]: writes FOLDER/bench.json and FOLDER/bench.html from what
// benchmarks and claims left there. HEAD and BASE name the commits that were measured; with BASE
// the two are compared, and what became slower or faster is printed.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iterator>
#include <ranges>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "attune/base/files.h"
#include "attune/report/html_page.h"
#include "measured.h"

namespace attune::bench {
namespace {

using report::Align;
using report::Tone;

constexpr std::size_t kFamiliesInAPicture = 6;

struct Unit {
  std::string_view name;
  double seconds;
};
constexpr Unit kUnits[] = {{"ns", 1e-9}, {"µs", 1e-6}, {"ms", 1e-3}, {"s", 1}};

// The unit in which so many seconds are 1 to 1,000.
Unit unit_of(double seconds) {
  for (const Unit& unit : kUnits) {
    if (seconds < 999.5 * unit.seconds) return unit;
  }
  return kUnits[3];
}

std::string time_text(double seconds) {
  if (!std::isfinite(seconds)) return "–";
  const Unit unit = unit_of(seconds);
  const double value = seconds / unit.seconds;
  return value < 999.5 ? fmt::format("{:.3g} {}", value, unit.name)
                       : report::format_seconds(seconds);
}

std::string ratio_text(double ratio) {
  return std::isfinite(ratio) ? fmt::format("{:.2f}", ratio) : "–";
}

std::set<double> sizes_of(const Curve& curve) {
  std::set<double> sizes;
  for (const Curve::Line& line : curve.lines) {
    for (const auto& [size, value] : line.values) sizes.insert(size);
  }
  return sizes;
}

double value_at(const std::map<double, double>& values, double size) {
  const auto found = values.find(size);
  return found == values.end() ? std::nan("") : found->second;
}

// How far we are ahead of a peer at a size: above 1 is better. NaN where one of them is missing.
double ahead(const Curve& curve, const Curve::Line& peer, double size) {
  const double ours = value_at(curve.lines.front().values, size);
  const double theirs = value_at(peer.values, size);
  return curve.higher_is_better ? ours / theirs : theirs / ours;
}

// What was measured, on what, when, and where it ends at the largest size.
std::string caption_of(const Curve& curve) {
  std::vector<std::string> sizes, peers;
  for (const double size : sizes_of(curve)) sizes.push_back(report::format_number(size));
  for (auto peer = curve.lines.begin() + 1; peer != curve.lines.end(); ++peer) {
    const double largest = peer->values.rbegin()->first;
    peers.push_back(fmt::format("{} (ratio {} at {})", peer->name,
                                ratio_text(ahead(curve, *peer, largest)),
                                report::format_number(largest)));
  }
  return fmt::format(
      "Beside {}, in {}: {} is better. Sizes: {} {}. Measured on {}, {}, at {} by `./run claim "
      "{}`.",
      fmt::join(peers, " and "), curve.unit, curve.higher_is_better ? "higher" : "lower",
      fmt::join(sizes, " · "), curve.size_name, curve.machine, curve.date, curve.commit,
      curve.claim);
}

report::Figure drawn(const Curve& curve) {
  const std::set<double> sizes = sizes_of(curve);
  report::LineChart chart{.frame = {curve.title, caption_of(curve)},
                          .x = {sizes.begin(), sizes.end()},
                          .log_x = true,
                          .log_y = true,
                          .x_title = curve.size_name,
                          .y_title = curve.unit};
  for (const Curve::Line& line : curve.lines) {
    report::LineChart::Line& values = chart.lines.emplace_back();
    values.name = line.name;
    for (const double size : sizes) values.values.push_back(value_at(line.values, size));
  }
  return report::draw(chart);
}

// A row a point; title and peer stand where they begin.
report::Table points_of(const std::vector<Curve>& curves) {
  report::Table table({{"picture", Align::left, 0},
                       {"peer", Align::left, 0},
                       {"size", Align::right, 0},
                       {"Attune", Align::right, 0},
                       {"the peer", Align::right, 0},
                       {"ratio", Align::right, 0}});
  for (const Curve& curve : curves) {
    std::string title = fmt::format("{}, {}", curve.title, curve.unit);
    for (auto peer = curve.lines.begin() + 1; peer != curve.lines.end(); ++peer) {
      std::string name = peer->name;
      for (const auto& [size, theirs] : peer->values) {
        const double ratio = ahead(curve, *peer, size);
        table.row({std::exchange(title, ""),
                   std::exchange(name, ""),
                   report::format_number(size),
                   report::format_number(value_at(curve.lines.front().values, size)),
                   report::format_number(theirs),
                   {ratio_text(ratio), ratio < 1 ? Tone::warning : Tone::plain}});
      }
    }
  }
  return table;
}

void add_curves(report::Page& page, const std::vector<Curve>& curves) {
  if (curves.empty()) return;
  report::Section& section = page.section("Beside peers");
  section.paragraph(
      "The same data on the same machine in the same run, medians of rounds. Both axes go by "
      "ratio, "
      "so that growth shows as slope. A ratio above 1 says that Attune is ahead. A peer is a "
      "released library; one without a version is the plain way to do the same. Claims measure "
      "these figures and leave them for this page.");
  std::vector<report::Figure> figures;
  for (const Curve& curve : curves) figures.push_back(drawn(curve));
  section.figures_side_by_side(std::move(figures)).table(points_of(curves));
}

using Families = std::vector<std::pair<std::string, std::map<double, double>>>;

// Benchmarks that were taken at two sizes or more, in the order of the program.
Families families_of(const std::vector<Timing>& timings) {
  Families families;
  for (const Timing& timing : timings) {
    const Family family = family_of(timing.name);
    if (timing.head.empty() || !std::isfinite(family.size) || family.size <= 0) continue;
    auto found = std::ranges::find(families, family.name, &Families::value_type::first);
    if (found == families.end()) found = families.insert(found, {family.name, {}});
    found->second[family.size] = median(timing.head);
  }
  std::erase_if(families, [](const auto& family) { return family.second.size() < 2; });
  return families;
}

// Families of the same sizes.
report::Figure growth(const Families& families) {
  report::LineChart chart{.frame = {"CPU time by size", "Lower is better."},
                          .log_x = true,
                          .log_y = true,
                          .x_title = "size, the last number of the name"};
  double least = INFINITY;
  for (const auto& [size, _] : families.front().second) chart.x.push_back(size);
  for (const auto& [_, values] : families) {
    for (const double seconds : std::views::values(values)) least = std::min(least, seconds);
  }
  const Unit unit = unit_of(least);
  chart.y_title = fmt::format("CPU {}", unit.name);
  for (const auto& [name, values] : families) {
    report::LineChart::Line& line = chart.lines.emplace_back();
    line.name = name;
    for (const double seconds : std::views::values(values))
      line.values.push_back(seconds / unit.seconds);
  }
  return report::draw(chart);
}

void add_growth(report::Section& section, const std::vector<Timing>& timings) {
  std::vector<Families> pictures;
  for (auto& family : families_of(timings)) {
    const auto fits = [&](const Families& picture) {
      return picture.size() < kFamiliesInAPicture &&
             std::ranges::equal(std::views::keys(picture.front().second),
                                std::views::keys(family.second));
    };
    auto found = std::ranges::find_if(pictures, fits);
    if (found == pictures.end()) found = pictures.emplace(found);
    found->push_back(std::move(family));
  }
  if (pictures.size() == 1) section.figure(growth(pictures.front()));
  if (pictures.size() < 2) return;
  std::vector<report::Figure> figures;
  std::ranges::transform(pictures, std::back_inserter(figures), growth);
  section.figures_side_by_side(std::move(figures));
}

Tone tone_of(Change change) {
  return change == Change::slower   ? Tone::warning
         : change == Change::faster ? Tone::good
                                    : Tone::plain;
}

std::vector<report::Cell> compared_cells(const Timing& timing) {
  const Change change = change_of(timing);
  const double ratio = median(timing.head) / median(timing.base);
  return {
      time_text(median(timing.head)),
      time_text(median(timing.base)),
      {std::isfinite(ratio) ? ratio_text(ratio) : std::string(name_of(change)), tone_of(change)}};
}

void add_program(report::Page& page, const std::vector<Timing>& timings, bool compared) {
  report::Section& section = page.section(timings.front().program);
  add_growth(section, timings);
  std::vector<report::Column> columns{{"benchmark", Align::left, 0}, {"CPU time", Align::right, 0}};
  if (compared) {
    columns.push_back({"base", Align::right, 0});
    columns.push_back({"head / base", Align::right, 0});
  }
  report::Table table(std::move(columns));
  for (const Timing& timing : timings) {
    std::vector<report::Cell> cells{timing.name};
    if (compared) {
      std::ranges::copy(compared_cells(timing), std::back_inserter(cells));
    } else {
      cells.emplace_back(time_text(median(timing.head)));
    }
    table.row(std::move(cells));
  }
  section.table(std::move(table));
}

// Those that became slower or faster, the slowest first.
std::vector<Timing> changed(const std::vector<Timing>& timings) {
  std::vector<Timing> all;
  std::ranges::copy_if(timings, std::back_inserter(all), [](const Timing& timing) {
    const Change change = change_of(timing);
    return change == Change::slower || change == Change::faster;
  });
  std::ranges::stable_sort(all, std::greater(), [](const Timing& timing) {
    return median(timing.head) / median(timing.base);
  });
  return all;
}

void add_comparison(report::Page& page, const Measured& measured, const std::string& base) {
  report::Section& section = page.section("Compared with " + base);
  std::size_t rounds = 0;
  std::map<Change, int> counts;
  for (const Timing& timing : measured.timings) {
    rounds = std::max(rounds, timing.head.size());
    ++counts[change_of(timing)];
  }
  section.paragraph(
      fmt::format("Medians of CPU time, head and base in turn, rounds: {}. Slower or faster is "
                  "what differs by more than 5 % where no round of one lies among those of the "
                  "other; what differs less is not told apart from noise.",
                  rounds));
  std::vector<report::Tile> tiles;
  for (const Change change :
       {Change::slower, Change::faster, Change::same, Change::only_head, Change::only_base}) {
    if (counts[change] > 0 || change < Change::only_head) {
      tiles.push_back({std::string(name_of(change)), fmt::format("{}", counts[change]), "",
                       counts[change] > 0 ? tone_of(change) : Tone::plain});
    }
  }
  section.tiles(std::move(tiles));
  const std::vector<Timing> timings = changed(measured.timings);
  if (timings.empty()) return;
  report::Table table({{"benchmark", Align::left, 0},
                       {"head", Align::right, 0},
                       {"base", Align::right, 0},
                       {"head / base", Align::right, 0}});
  for (const Timing& timing : timings) {
    std::vector<report::Cell> cells{timing.program + " " + timing.name};
    std::ranges::copy(compared_cells(timing), std::back_inserter(cells));
    table.row(std::move(cells));
    fmt::print("{}: {} {}, {} times the base's CPU time\n", name_of(change_of(timing)),
               timing.program, timing.name, ratio_text(median(timing.head) / median(timing.base)));
  }
  section.table(std::move(table));
}

void add_failures(report::Page& page, const std::vector<Failure>& failures) {
  if (failures.empty()) return;
  report::Section& section = page.section("What failed");
  for (const Failure& failure : failures) {
    section.note(Tone::bad,
                 fmt::format("{} {}: {}", failure.program, failure.name,
                             failure.what.empty() ? "it does not say why" : failure.what));
  }
}

std::string subtitle_of(const Measured& measured, const std::string& head) {
  std::string text = "Attune at " + head;
  if (measured.cores > 0)
    text += fmt::format(", {} {}", measured.cores, measured.cores == 1 ? "core" : "cores");
  return measured.date.empty() ? text : text + ", " + measured.date;
}

Status write(const std::filesystem::path& folder, const std::string& head,
             const std::string& base) {
  ATTUNE_ASSIGN_OR_RETURN(const Measured measured, read_measured(folder, !base.empty()));
  ATTUNE_RETURN_IF_ERROR(
      write_file_durably(folder / "bench.json", to_json(measured, head, base) + "\n"));
  report::Page page({.title = "Benchmarks",
                     .subtitle = subtitle_of(measured, head),
                     .footer = "made with ./run bench"});
  add_failures(page, measured.failures);
  if (!base.empty()) add_comparison(page, measured, base);
  add_curves(page, measured.curves);
  for (auto begin = measured.timings.begin(); begin != measured.timings.end();) {
    const auto end = std::find_if(begin, measured.timings.end(),
                                  [&](const Timing& t) { return t.program != begin->program; });
    add_program(page, {begin, end}, !base.empty());
    begin = end;
  }
  return page.write((folder / "bench.html").string());
}

}  // namespace
}  // namespace attune::bench

int main(int argc, char** argv) {
  if (argc < 3 || argc > 4) {
    std::fputs("usage: attune_bench_page FOLDER HEAD [BASE]\n", stderr);
    return 2;
  }
  const attune::Status written = attune::bench::write(argv[1], argv[2], argc > 3 ? argv[3] : "");
  if (written) return 0;
  std::fputs(("attune_bench_page: " + written.error().message + "\n").c_str(), stderr);
  return attune::info(written.error().code).exit_status;
}
