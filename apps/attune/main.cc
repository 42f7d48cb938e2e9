// The one program.
#include <csignal>
#include <cstdio>

#include "program.h"

int main(int count, char** arguments) {
  // A limit on the size of files is an error of writing, like a full disk.
  std::signal(SIGXFSZ, SIG_IGN);
  attune::cli::Context context;
  const int status = attune::cli::run_program({arguments + 1, arguments + count}, context);
  std::fflush(stdout);
  return status;
}
