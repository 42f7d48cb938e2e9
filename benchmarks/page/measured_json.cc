#include <boost/json.hpp>
#include <cmath>

#include "measured.h"

namespace attune::bench {
namespace {

namespace json = boost::json;

json::value number_or_null(double value) {
  return std::isfinite(value) ? json::value(value) : json::value(nullptr);
}

json::object timing_json(const Timing& timing, bool compared) {
  json::object out{{"program", timing.program},
                   {"name", timing.name},
                   {"cpu_seconds", number_or_null(median(timing.head))},
                   {"rounds", json::value_from(timing.head)}};
  if (compared) {
    out["base_cpu_seconds"] = number_or_null(median(timing.base));
    out["base_rounds"] = json::value_from(timing.base);
    out["change"] = name_of(change_of(timing));
  }
  return out;
}

json::object curve_json(const Curve& curve) {
  json::array lines;
  for (const Curve::Line& line : curve.lines) {
    json::array points;
    for (const auto& [size, value] : line.values)
      points.push_back(json::object{{"size", size}, {"value", value}});
    lines.push_back(json::object{{"name", line.name}, {"points", std::move(points)}});
  }
  return {{"title", curve.title},     {"size_name", curve.size_name},
          {"unit", curve.unit},       {"better", curve.higher_is_better ? "higher" : "lower"},
          {"claim", curve.claim},     {"machine", curve.machine},
          {"date", curve.date},       {"commit", curve.commit},
          {"lines", std::move(lines)}};
}

}  // namespace

std::string to_json(const Measured& measured, const std::string& head, const std::string& base) {
  json::array timings, failures, curves;
  for (const Timing& timing : measured.timings)
    timings.push_back(timing_json(timing, !base.empty()));
  for (const Failure& failure : measured.failures) {
    failures.push_back(
        json::object{{"program", failure.program}, {"name", failure.name}, {"what", failure.what}});
  }
  for (const Curve& curve : measured.curves) curves.push_back(curve_json(curve));
  return json::serialize(json::object{{"head", head},
                                      {"base", base.empty() ? json::value() : json::value(base)},
                                      {"date", measured.date},
                                      {"cores", measured.cores},
                                      {"benchmarks", std::move(timings)},
                                      {"failed", std::move(failures)},
                                      {"curves", std::move(curves)}});
}

}  // namespace attune::bench
