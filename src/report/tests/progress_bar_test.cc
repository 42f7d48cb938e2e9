#include "attune/report/progress_bar.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <thread>
#include <vector>

#include "attune/base/text.h"

namespace attune::report {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

struct Screen {
  double now = 100;
  std::vector<std::string> writes;
  ProgressBarOptions options(const StopSignal* stop = nullptr) {
    return {.stop = stop,
            .write = [this](std::string_view text) { writes.emplace_back(text); },
            .seconds = [this] { return now; },
            .width = 100};
  }
};

TEST(ProgressBar, RedrawsAtMostTenTimesASecond) {
  Screen screen;
  ProgressBar bar(screen.options());
  bar.phase("reading", 10'000, "rows");
  for (int i = 1; i <= 2000; ++i) {
    screen.now += .001;
    bar.advance(i);
  }
  EXPECT_GE(screen.writes.size(), 15u);
  EXPECT_LE(screen.writes.size(), 20u);
}

TEST(ProgressBar, ShowsShareRateAndRemainingTime) {
  Screen screen;
  ProgressBar bar(screen.options());
  bar.phase("reading orders.csv", 10'000, "rows");
  screen.now += 2;
  bar.advance(2'500);
  ASSERT_EQ(screen.writes.size(), 1u);
  EXPECT_THAT(screen.writes[0], HasSubstr("reading orders.csv"));
  EXPECT_THAT(screen.writes[0], HasSubstr(" 25%"));
  EXPECT_THAT(screen.writes[0], HasSubstr("2,500 rows  1,250/s  6.0 s left"));
}

TEST(ProgressBar, NamesNoRemainingTimeWhenTheTotalIsUnknown) {
  Screen screen;
  ProgressBar bar(screen.options());
  bar.phase("reading", 0, "bytes");
  screen.now += 1;
  bar.advance(2'000'000);
  EXPECT_THAT(screen.writes.at(0), HasSubstr("2 MB  2 MB/s"));
  EXPECT_THAT(screen.writes.at(0), Not(HasSubstr("left")));
  EXPECT_THAT(screen.writes.at(0), Not(HasSubstr("%")));
}

TEST(ProgressBar, LeavesOneLineForEachPhase) {
  Screen screen;
  {
    ProgressBar bar(screen.options());
    bar.phase("reading", 10, "rows");
    bar.advance(10);
    screen.now += 1.5;
    bar.phase("sorting", 10, "rows");
    bar.advance(4);
    screen.now += .5;
  }
  EXPECT_THAT(screen.writes,
              testing::ElementsAre("reading  10 rows  1.5 s\n", "sorting  4 rows  500 ms\n"));
}

TEST(ProgressBar, KeepsToTheWidthAndPrintsNoControlCharactersOfNames) {
  Screen screen;
  auto options = screen.options();
  options.width = 30;
  ProgressBar bar(options);
  bar.phase("读取\x1b[2J一个名字很长的文件.csv 一个名字很长的文件", 100, "行");
  screen.now += 1;
  bar.advance(50);
  const std::string drawn = screen.writes.at(0);
  ASSERT_TRUE(drawn.starts_with("\r\x1b[K"));
  EXPECT_LE(display_width(drawn.substr(4)), 29);
  EXPECT_EQ(drawn.find('\x1b', 1 + drawn.find("\x1b[K")), std::string::npos);
}

TEST(ProgressBar, PrintsMessagesAboveItself) {
  Screen screen;
  ProgressBar bar(screen.options());
  bar.phase("reading", 100, "rows");
  screen.now += 1;
  bar.advance(50);
  bar.message("12 rows were quarantined");
  ASSERT_EQ(screen.writes.size(), 4u);
  EXPECT_EQ(screen.writes[1], "\r\x1b[K");
  EXPECT_EQ(screen.writes[2], "12 rows were quarantined\n");
  EXPECT_THAT(screen.writes[3], HasSubstr("50%"));
}

TEST(ProgressBar, IsSilentWhenThereIsNoTerminal) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_NONBLOCK), 0);
  {
    ProgressBar bar({.file_descriptor = ends[1]});
    bar.phase("reading", 10, "rows");
    bar.advance(10);
  }
  char byte = 0;
  EXPECT_EQ(::read(ends[0], &byte, 1), -1);
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(ProgressBar, TakesProgressFromSeveralThreads) {
  std::size_t writes = 0;
  ProgressBar bar({.write = [&](std::string_view) { ++writes; }, .width = 80});
  bar.phase("reading", 400, "rows");
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 100; ++i) bar.advance(i);
    });
  }
  for (std::thread& thread : threads) thread.join();
  bar.finish();
  EXPECT_GE(writes, 1u);
}

TEST(StopSignal, TurnsTheFirstSignalIntoAFlagThatTheBarTells) {
  Screen screen;
  {
    const StopSignal stop;
    ProgressBar bar(screen.options(&stop));
    bar.phase("reading", 10, "rows");
    EXPECT_FALSE(bar.cancelled());
    std::raise(SIGINT);
    EXPECT_TRUE(stop.stopped());
    EXPECT_EQ(stop.signal(), SIGINT);
    EXPECT_TRUE(bar.cancelled());
    screen.now += 1;
    bar.advance(3);
    EXPECT_THAT(screen.writes.at(0), HasSubstr("stopping…"));
  }
  EXPECT_THAT(screen.writes.back(), HasSubstr("stopped\n"));
  const StopSignal again;
  EXPECT_FALSE(again.stopped());
}

TEST(StopSignal, EndsTheProcessAtTheSecondSignal) {
  EXPECT_EXIT(
      {
        const StopSignal stop;
        std::raise(SIGINT);
        std::raise(SIGINT);
      },
      testing::ExitedWithCode(130), "");
}

TEST(StopSignal, PutsTheHandlersBack) {
  {
    const StopSignal stop;
  }
  EXPECT_EXIT(std::raise(SIGTERM), testing::KilledBySignal(SIGTERM), "");
}

}  // namespace
}  // namespace attune::report
