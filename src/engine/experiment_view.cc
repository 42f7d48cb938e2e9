#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "attune/base/text.h"
#include "attune/engine/experiment.h"
#include "attune/report/html_page.h"
#include "experiment_sections.h"

namespace attune::engine {
namespace {

using measure::Answer;
using measure::Comparison;
using measure::Estimate;
using measure::Experiment;
using measure::MetricKind;
using measure::MetricResult;
using measure::Verdict;
using report::Align;
using report::Cell;
using report::Tone;

// How a metric's numbers are written: with so many places that the error shows two.
struct Writing {
  bool share = false;  // proportions: in per cent, differences in percentage points
  int places = 2;

  static Writing of(MetricKind kind, double standard_error) {
    Writing w{.share = kind == MetricKind::proportion};
    const double error = standard_error * (w.share ? 100 : 1);
    if (error > 0 && std::isfinite(error))
      w.places = std::clamp(1 - static_cast<int>(std::floor(std::log10(error))), 0, 8);
    return w;
  }
  std::string number(double value) const {
    return report::format_number(share ? 100 * value : value, {.decimals = places});
  }
  std::string value(double value) const { return number(value) + (share ? "%" : ""); }
  std::string difference(double value) const { return (value > 0 ? "+" : "") + number(value); }
  std::string unit() const { return share ? " pp" : ""; }
};

Writing writing_of(const MetricResult& metric) {
  for (const Comparison& c : metric.comparisons) {
    if (c.difference) return Writing::of(metric.kind, c.difference->absolute.standard_error);
  }
  for (const measure::ArmMetric& arm : metric.arms) {
    if (arm.estimate) return Writing::of(metric.kind, arm.estimate->standard_error);
  }
  return Writing::of(metric.kind, 0);
}

std::string signed_percent(double share) {
  return (share > 0 ? "+" : "") + report::format_percent(share, std::abs(share) < 10 ? 1 : 0);
}

std::string p_text(double p) {
  if (p < 1e-4) return "<0.0001";
  return fmt::format("{:.{}f}", p, p < .001 ? 4 : 3);
}

std::string lacking_text(const measure::TooLittle& lacking) {
  std::string text = "too little data: " + lacking.why;
  if (lacking.enough) text += fmt::format("; about {} would do", with_thousands(*lacking.enough));
  return text;
}

Cell verdict_cell(Verdict verdict) {
  switch (verdict) {
    case Verdict::higher:
      return {"higher", Tone::strong};
    case Verdict::lower:
      return {"lower", Tone::strong};
    case Verdict::not_told_apart:
      return {"not told apart", Tone::plain};
    case Verdict::too_little:
      break;
  }
  return {"too little data", Tone::warning};
}

// Of a comparison that has an answer: corrected where several were made.
const Estimate& absolute_of(const Comparison& comparison) {
  return comparison.corrected ? comparison.corrected->absolute : comparison.difference->absolute;
}
std::optional<Estimate> relative_of(const Comparison& comparison) {
  if (comparison.corrected) return comparison.corrected->relative;
  if (!comparison.difference->relative) return std::nullopt;
  return *comparison.difference->relative;
}
double p_value_of(const Comparison& comparison) {
  return comparison.corrected ? comparison.corrected->p_value : comparison.difference->p_value;
}

// An arm's value as it stands, whether or not an interval can be given.
std::string arm_value(const measure::ArmMetric& arm, const Writing& w) {
  if (arm.estimate) return w.value(arm.estimate->value);
  const double below =
      arm.denominator_sum != 0 ? arm.denominator_sum : static_cast<double>(arm.customers);
  return w.value(arm.sum / below);
}

// The cells of a comparison from the difference on, and those of the line below it.
void add_comparison(report::Table& table, std::vector<Cell> first, const Comparison& comparison,
                    const Writing& w) {
  std::vector<Cell> second(first.size());
  if (!comparison.difference) {
    first.insert(first.end(), {"–", "–", "–", verdict_cell(comparison.verdict)});
    table.row(std::move(first));
    return;
  }
  const Estimate& absolute = absolute_of(comparison);
  const std::optional<Estimate> relative = relative_of(comparison);
  first.emplace_back(w.difference(absolute.value) + w.unit());
  second.push_back(
      {fmt::format("{} to {}", w.difference(absolute.low), w.difference(absolute.high)),
       Tone::faint});
  first.emplace_back(relative ? signed_percent(relative->value) : "–");
  second.emplace_back("");
  if (relative) {
    second.back() = {
        fmt::format("{} to {}", signed_percent(relative->low), signed_percent(relative->high)),
        Tone::faint};
  }
  first.emplace_back(p_text(p_value_of(comparison)));
  first.push_back(verdict_cell(comparison.verdict));
  table.row(std::move(first)).row(std::move(second));
}

report::Table metric_table(const Experiment& experiment, const MetricResult& metric) {
  report::Table table({{"arm", Align::left, 1},
                       {"customers", Align::right, 0},
                       {"value", Align::right, 0},
                       {"difference", Align::right, 0},
                       {"relative", Align::right, 0},
                       {"p", Align::right, 0},
                       {"", Align::left, 0}});
  const Writing w = writing_of(metric);
  const auto first_cells = [&](std::size_t a) {
    const measure::ArmMetric& arm = metric.arms[a];
    return std::vector<Cell>{experiment.arms[a].name, with_thousands(arm.customers),
                             arm_value(arm, w)};
  };
  table.row(first_cells(experiment.control));
  for (const Comparison& comparison : metric.comparisons)
    add_comparison(table, first_cells(comparison.arm), comparison, w);
  return table;
}

report::Table group_table(const Experiment& experiment, const MetricResult& metric) {
  report::Table table({{experiment.group_name, Align::left, 2},
                       {"arm", Align::left, 1},
                       {"in both", Align::right, 0},
                       {"difference", Align::right, 0},
                       {"relative", Align::right, 0},
                       {"p", Align::right, 0},
                       {"", Align::left, 0}});
  const Writing w = writing_of(metric);
  for (const measure::GroupResult& group : metric.groups) {
    for (const Comparison& comparison : group.comparisons) {
      add_comparison(table,
                     {experiment.groups[group.group], experiment.arms[comparison.arm].name,
                      with_thousands(group.arms[comparison.arm].customers +
                                     group.arms[experiment.control].customers)},
                     comparison, w);
    }
  }
  return table;
}

// What the table leaves open, a sentence each.
std::vector<std::string> remarks_of(const Experiment& experiment, const MetricResult& metric) {
  std::vector<std::string> remarks;
  const Writing w = writing_of(metric);
  for (const Comparison& c : metric.comparisons) {
    const std::string arm = attune::quoted(experiment.arms[c.arm].name);
    if (!c.difference) {
      remarks.push_back(fmt::format("{}: {}.", arm, lacking_text(c.difference.error())));
      continue;
    }
    if (!c.difference->relative) {
      remarks.push_back(
          fmt::format("{}, relative: {}.", arm, lacking_text(c.difference->relative.error())));
    }
    if (c.verdict == Verdict::not_told_apart && c.detectable) {
      remarks.push_back(fmt::format(
          "{}: an effect of {}{} would have been called in 8 of 10 experiments of this size.", arm,
          w.number(*c.detectable), w.unit()));
    }
  }
  if (metric.correlation && metric.comparisons[0].difference) {
    remarks.push_back(fmt::format(
        "Adjusted for what was known before (correlation {:.2f}): intervals have {:.0f}% of "
        "their width without.",
        *metric.correlation, 100 * metric.comparisons[0].narrowing));
  }
  for (const measure::Heterogeneity& one : metric.heterogeneity) {
    remarks.push_back(
        fmt::format("{}: the effect {} between groups of {} (p {}).",
                    attune::quoted(experiment.arms[one.arm].name),
                    one.p_value < 1 - experiment.level ? "differs" : "is not told apart",
                    attune::quoted(experiment.group_name), p_text(one.p_value)));
  }
  return remarks;
}

std::string metric_title(const MetricResult& metric) {
  switch (metric.kind) {
    case MetricKind::proportion:
      return metric.name + ": share of customers";
    case MetricKind::mean:
      return metric.name + ": mean a customer";
    case MetricKind::ratio:
      break;
  }
  return metric.name + ": ratio of sums";
}

// How the intervals were made, in sentences.
std::vector<std::string> methods_of(const Experiment& experiment) {
  std::vector<std::string> lines;
  const double percent = 100 * experiment.level;
  if (experiment.planned > 0) {
    lines.push_back(fmt::format(
        "Intervals of {:g}% that may be looked at daily, planned to end with {} customers; {:.0f}% "
        "of them are here.",
        percent, with_thousands(experiment.planned), 100 * experiment.fraction));
  } else {
    lines.push_back(fmt::format(
        "Intervals of {:g}%, to be looked at once, at the planned end (--sequential --planned N "
        "allows daily looks).",
        percent));
  }
  if (!experiment.correction.empty()) {
    lines.push_back(fmt::format("Differences: {}.", experiment.correction));
  }
  if (!experiment.group_correction.empty())
    lines.push_back(fmt::format("Groups: {}.", experiment.group_correction));
  return lines;
}

std::string check_text(const measure::Check& check) {
  std::string text = fmt::format("{}: {}", attune::quoted(check.name), check.text);
  if (check.p_value)
    text += fmt::format(" (p {}, alarm below {:g})", p_text(*check.p_value), check.alarm_below);
  return text;
}

// The intervals of the differences as a chart; proportions in percentage points.
report::Figure interval_chart(const Experiment& experiment, const MetricResult& metric,
                              bool groups) {
  report::Leaderboard chart;
  const Writing w = writing_of(metric);
  const double scale = w.share ? 100 : 1;
  const auto add = [&](std::string name, const Comparison& c) {
    report::Leaderboard::Entry entry{std::move(name), NAN, NAN, NAN};
    if (c.difference) {
      const Estimate& absolute = absolute_of(c);
      entry = {entry.name, scale * absolute.value, scale * absolute.low, scale * absolute.high};
    }
    entry.highlighted = c.verdict == Verdict::higher || c.verdict == Verdict::lower;
    chart.entries.push_back(std::move(entry));
  };
  if (groups) {
    for (const measure::GroupResult& group : metric.groups) {
      for (const Comparison& c : group.comparisons) {
        add(fmt::format("{} · {}", experiment.groups[group.group], experiment.arms[c.arm].name), c);
      }
    }
  } else {
    for (const Comparison& c : metric.comparisons) add(experiment.arms[c.arm].name, c);
  }
  chart.frame.title =
      fmt::format("{}: difference to {}", metric.name, experiment.arms[experiment.control].name);
  chart.metric = w.share ? "percentage points" : "difference";
  chart.format = {.decimals = w.places};
  chart.reference = 0;
  chart.reference_name = "no difference";
  return report::draw(chart);
}

report::Table arms_table(const Experiment& experiment) {
  report::Table table(
      {{"arm", Align::left, 1}, {"customers", Align::right, 0}, {"planned", Align::right, 0}});
  for (std::size_t a = 0; a < experiment.arms.size(); ++a) {
    const measure::ArmSize& arm = experiment.arms[a];
    table.row({a == experiment.control ? arm.name + " (control)" : arm.name,
               with_thousands(arm.customers),
               report::format_number(arm.expected, {.decimals = 1})});
  }
  return table;
}

}  // namespace

std::string experiment_text(const ExperimentReport& report, const report::TerminalStyle& style) {
  const Experiment& experiment = report.result;
  std::string text =
      fmt::format("{}: {} rows\n", attune::quoted(report.file), with_thousands(report.rows));
  text += arms_table(experiment).to_text(style);
  for (const measure::Check& check : experiment.checks)
    text += fmt::format("{}{}\n", check.alarm ? "ALARM  " : "", check_text(check));
  for (const MetricResult& metric : experiment.metrics) {
    text += "\n" + metric_table(experiment, metric).title(metric_title(metric)).to_text(style);
    if (!metric.groups.empty()) text += "\n" + group_table(experiment, metric).to_text(style);
    for (const std::string& remark : remarks_of(experiment, metric)) text += remark + "\n";
  }
  text += "\n";
  for (const std::string& line : methods_of(experiment)) text += line + "\n";
  for (const std::string& note : experiment.notes) text += fmt::format("Note: {}.\n", note);
  return text;
}

std::string experiment_page(const ExperimentReport& report) {
  report::Page page({.title = "What the experiment changed",
                     .subtitle = report.file,
                     .footer = "made with Attune"});
  add_experiment_sections(report, page);
  return page.html();
}

void add_experiment_sections(const ExperimentReport& report, report::Page& page) {
  const Experiment& experiment = report.result;
  report::Section& trust = page.section("May it be trusted?");
  trust.table(arms_table(experiment));
  for (const measure::Check& check : experiment.checks)
    trust.note(check.alarm     ? Tone::bad
               : check.p_value ? Tone::good
                               : Tone::plain,
               check_text(check));
  for (const MetricResult& metric : experiment.metrics) {
    report::Section& section = page.section(metric_title(metric));
    section.figure(interval_chart(experiment, metric, false));
    section.table(metric_table(experiment, metric));
    if (!metric.groups.empty()) {
      section.heading("By " + experiment.group_name);
      section.figure(interval_chart(experiment, metric, true));
      section.table(group_table(experiment, metric));
    }
    if (auto remarks = remarks_of(experiment, metric); !remarks.empty())
      section.bullets(std::move(remarks));
  }
  report::Section& made = page.section("How it was made");
  made.bullets(methods_of(experiment));
  if (!experiment.notes.empty()) made.bullets(experiment.notes);
}

}  // namespace attune::engine
