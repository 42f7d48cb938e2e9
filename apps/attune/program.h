// One command line, from words to exit status. Answers: what is asked, and who does it: this
// process, or the service that has the folder open?
#pragma once

#include <string>
#include <vector>

#include "context.h"

namespace attune::cli {

// Parses and runs; prints through the context. `arguments` are those after the program's name.
int run_program(const std::vector<std::string>& arguments, Context& context);

// Hands a shop over, to the thread that calls it, until its argument returns or releases it.
using Lend = std::function<void(const std::function<void(Lender&)>&)>;

// What a service does with a command line that came over its socket: runs it on the shop that it
// has open. JSON in ({"arguments": […], "directory": "…"}) and out ({"status", "out", "err"}).
std::string run_for_another(const std::string& request, const Lend& lend);

// Whether the process that has `folder` open is a service which does not listen yet.
bool is_starting(const std::filesystem::path& folder);

// Hands the command line to the service that has `folder` open. Absent: none has. `is_job`: it is
// done as a job of the service; how far that is, is shown, and Ctrl-C ends it.
std::optional<int> forward(const std::filesystem::path& folder,
                           const std::vector<std::string>& arguments, bool is_job,
                           Context& context);

inline constexpr const char* kSocketName = "socket";
inline constexpr const char* kCommandPath = "/v1/commands";

}  // namespace attune::cli
