// Inside the engine: an experiment as sections of a page. Answers: what does the page of an
// experiment, and of a campaign, show of what was changed?
#pragma once

#include "attune/engine/experiment.h"
#include "attune/report/html_page.h"

namespace attune::engine {

// Whether it may be trusted, each metric with a chart of its intervals, how it was made.
void add_experiment_sections(const ExperimentReport& report, report::Page& page);

}  // namespace attune::engine
