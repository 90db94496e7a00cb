// The program, and an end for a test that would never come to one.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>
#include <signal.h>
#include <unistd.h>

#include <cstring>

// Linked into every variant; a program without that sanitizer never calls it.
extern "C" const char* __asan_default_options();
extern "C" const char* __asan_default_options() { return "detect_leaks=1:detect_stack_use_after_return=1"; }
extern "C" const char* __ubsan_default_options();
extern "C" const char* __ubsan_default_options() { return "print_stacktrace=1"; }

namespace {

// Every wait of a test is bounded far below this; only a Wait() or a Poll() that blocks gets here.
constexpr unsigned kSecondsPerTest = 30;

const char* current_test = "";

void OnAlarm(int) {
  for (const char* text : {"no end in sight: ", current_test, "\n"}) {
    if (write(STDERR_FILENO, text, std::strlen(text)) < 0) break;
  }
  _exit(1);
}

struct Watchdog final : doctest::IReporter {
  explicit Watchdog(const doctest::ContextOptions&) {}

  void test_case_start(const doctest::TestCaseData& test) override {
    current_test = test.m_name;
    signal(SIGALRM, OnAlarm);
    alarm(kSecondsPerTest);
  }
  void test_case_end(const doctest::CurrentTestCaseStats&) override { alarm(0); }

  void report_query(const doctest::QueryData&) override {}
  void test_run_start() override {}
  void test_run_end(const doctest::TestRunStats&) override {}
  void test_case_reenter(const doctest::TestCaseData&) override {}
  void test_case_exception(const doctest::TestCaseException&) override {}
  void subcase_start(const doctest::SubcaseSignature&) override {}
  void subcase_end() override {}
  void log_assert(const doctest::AssertData&) override {}
  void log_message(const doctest::MessageData&) override {}
  void test_case_skipped(const doctest::TestCaseData&) override {}
};

DOCTEST_REGISTER_LISTENER("watchdog", 1, Watchdog);

}  // namespace
