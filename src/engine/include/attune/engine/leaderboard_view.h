// A comparison of recommenders as people read it. Answers: which is best here, and by how much?
#pragma once

#include <string>

#include "attune/recommend/evaluate.h"
#include "attune/report/html_page.h"

namespace attune::engine {

// A chart of NDCG at the first length of lists, with its intervals, a table of the other metrics,
// and how it was measured.
void add_leaderboard(report::Section& section, const recommend::Leaderboard& board,
                     report::Language language);
// The same as a self-contained page.
std::string leaderboard_page(const recommend::Leaderboard& board, report::Language language);

}  // namespace attune::engine
