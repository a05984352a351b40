#include "process/pages_at_rest.hpp"

#include "test.hpp"

using namespace lictor;

TEST_CASE("memory is given back once a process rests, and again after anything beside its routine") {
  PagesAtRest pages;
  CHECK(pages.worth_giving_back(300));
  CHECK_FALSE(pages.worth_giving_back(320));  // the routine, mapped again
  for (int turn = 0; turn < 100; ++turn) CHECK_FALSE(pages.worth_giving_back(320));
  CHECK_FALSE(pages.worth_giving_back(320 + PagesAtRest::to_spare - 1));
  CHECK(pages.worth_giving_back(360));
  CHECK_FALSE(pages.worth_giving_back(380));
  CHECK_FALSE(pages.worth_giving_back(380));
  // Little by little, too.
  int given = 0;
  for (int turn = 1; turn <= 100; ++turn) given += pages.worth_giving_back(380 + turn) ? 1 : 0;
  CHECK(given >= 5);
}
