#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <type_traits>

#include "base/crash_point.hpp"
#include "guard/guard_testing.hpp"

namespace vedette::guard {
namespace {

using Guarding = testing_::GuardTest;

static_assert(!std::is_default_constructible_v<Caller>, "only Guard makes callers");
static_assert(!std::is_default_constructible_v<Reader>, "only Guard mints readers");
static_assert(!std::is_constructible_v<Reader, std::string, std::string, bool>, "only Guard mints readers");
static_assert(!std::is_constructible_v<Reader, const Caller&>, "only Guard mints readers");
static_assert(!std::is_copy_constructible_v<Secret>, "a secret is not copied by accident");

TEST_F(Guarding, APersonSignsInAndBecomesAReader) {
  ASSERT_TRUE(guard->add_person("anna", {Role::reader}, secret("correct horse"), "Dr Anna"));
  auto session = guard->sign_in("anna", secret("correct horse"), "127.0.0.1");
  ASSERT_TRUE(session) << session.error().text();
  auto caller = guard->authenticate(with_cookie(session->token));
  ASSERT_TRUE(caller);
  EXPECT_EQ(caller->name(), "anna");
  EXPECT_EQ(caller->kind(), Caller::Kind::person);
  EXPECT_EQ(caller->csrf(), session->caller.csrf());
  EXPECT_GE(caller->csrf().size(), 40U);
  auto reader = guard->reader(*caller);
  ASSERT_TRUE(reader);
  EXPECT_EQ(reader->display(), "Dr Anna");
}

TEST_F(Guarding, WrongPasswordAndUnknownNameSoundTheSame) {
  ASSERT_TRUE(guard->add_person("anna", {Role::reader}, secret("correct horse")));
  const auto wrong = guard->sign_in("anna", secret("wrong horse"), "1");
  const auto unknown = guard->sign_in("otto", secret("wrong horse"), "1");
  ASSERT_FALSE(wrong);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(wrong.error().text(), unknown.error().text());
  EXPECT_EQ(wrong.error().fault, Fault::unauthenticated);
}

TEST_F(Guarding, RepeatedFailuresAreSlowedDownAndForgotten) {
  ASSERT_TRUE(guard->add_person("anna", {Role::reader}, secret("correct horse")));
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(guard->sign_in("anna", secret("wrong"), "1").error().fault, Fault::unauthenticated);
  auto slowed = guard->sign_in("anna", secret("correct horse"), "1");
  ASSERT_FALSE(slowed);
  EXPECT_EQ(slowed.error().fault, Fault::throttled);
  EXPECT_EQ(wire::Response::problem(slowed.error()).status, 429);
  clock.advance(seconds(2));
  EXPECT_TRUE(guard->sign_in("anna", secret("correct horse"), "1"));
  EXPECT_EQ(guard->sign_in("anna", secret("wrong"), "1").error().fault, Fault::unauthenticated);
}

TEST_F(Guarding, ManyNamesFromOneAddressAreSlowedDownToo) {
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(guard->sign_in("user" + std::to_string(i), secret("x"), "10.0.0.1").error().fault,
              Fault::unauthenticated);
  EXPECT_EQ(guard->sign_in("another", secret("x"), "10.0.0.1").error().fault, Fault::throttled);
  EXPECT_EQ(guard->sign_in("another", secret("x"), "10.0.0.2").error().fault, Fault::unauthenticated);
}

TEST_F(Guarding, OnlyHashesAreKept) {
  ASSERT_TRUE(guard->add_person("anna", {Role::reader}, secret("correct horse")));
  const auto session = guard->sign_in("anna", secret("correct horse"), "1");
  const auto token = guard->create_token("anna", {Role::reader});
  ASSERT_TRUE(session && token);
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    EXPECT_EQ(bytes.find(session->token.reveal()), std::string::npos) << entry.path();
    EXPECT_EQ(bytes.find(token->reveal()), std::string::npos) << entry.path();
    EXPECT_EQ(bytes.find("correct horse"), std::string::npos) << entry.path();
  }
}

TEST_F(Guarding, SessionsEndByTimeSignOutAndDisabling) {
  ASSERT_TRUE(guard->add_person("anna", {Role::reader}, secret("correct horse")));
  auto session = guard->sign_in("anna", secret("correct horse"), "1");
  ASSERT_TRUE(session);
  clock.advance(std::chrono::hours(12) - seconds(1));
  EXPECT_TRUE(guard->authenticate(with_cookie(session->token)));
  clock.advance(seconds(1));
  EXPECT_FALSE(guard->authenticate(with_cookie(session->token)));

  session = guard->sign_in("anna", secret("correct horse"), "1");
  ASSERT_TRUE(guard->sign_out(session->caller));
  EXPECT_FALSE(guard->authenticate(with_cookie(session->token)));

  session = guard->sign_in("anna", secret("correct horse"), "1");
  const auto token = guard->create_token("anna", {Role::reader});
  ASSERT_TRUE(guard->disable_person("anna"));
  EXPECT_FALSE(guard->authenticate(with_cookie(session->token)));
  EXPECT_FALSE(guard->authenticate(with_token(*token)));
  EXPECT_FALSE(guard->sign_in("anna", secret("correct horse"), "1"));
}

TEST_F(Guarding, TokensEndByTimeAndRevocation) {
  const auto token = guard->create_token("sender", {Role::service}, 2);
  ASSERT_TRUE(token);
  clock.advance(std::chrono::hours(47));
  EXPECT_TRUE(guard->authenticate(with_token(*token)));
  clock.advance(std::chrono::hours(1));
  EXPECT_FALSE(guard->authenticate(with_token(*token)));
  const auto second = guard->create_token("sender", {Role::service}, 2);
  const auto rows = guard->tokens();
  ASSERT_TRUE(rows);
  ASSERT_TRUE(guard->revoke_token(rows->back().id));
  EXPECT_FALSE(guard->authenticate(with_token(*second)));
  EXPECT_EQ(guard->revoke_token("none").error().fault, Fault::not_found);
}

TEST_F(Guarding, SoftwareNeverBecomesAReader) {
  const auto service = guard->create_token("sender", {Role::service, Role::tool_engineer});
  const auto engineer = guard->create_token("eve", {Role::tool_engineer, Role::reader});
  const auto radiographer = guard->create_token("rolf", {Role::radiographer});
  const auto person = guard->create_token("anna", {Role::screening_reader});
  for (const auto* token : {&service, &engineer, &radiographer}) {
    ASSERT_TRUE(*token);
    const auto caller = guard->authenticate(with_token(**token));
    ASSERT_TRUE(caller);
    const auto reader = guard->reader(*caller);
    ASSERT_FALSE(reader);
    EXPECT_EQ(reader.error().fault, Fault::forbidden);
  }
  const auto caller = guard->authenticate(with_token(*person));
  ASSERT_TRUE(caller);
  const auto reader = guard->reader(*caller);
  ASSERT_TRUE(reader);
  EXPECT_TRUE(reader->screening());
  EXPECT_FALSE(guard->reader(Guard::nobody()));
  EXPECT_EQ(guard->create_token("both", {Role::service, Role::reader}).error().fault, Fault::refused);
}

TEST_F(Guarding, ATokenNeverGivesMoreThanItsPersonHas) {
  ASSERT_TRUE(guard->add_person("anna", {Role::reader, Role::administrator}, secret("correct horse")));
  EXPECT_EQ(guard->create_token("anna", {Role::auditor}).error().fault, Fault::refused);
  EXPECT_EQ(guard->create_token("anna", {Role::service}).error().fault, Fault::conflict);
  EXPECT_TRUE(guard->create_token("anna", {Role::reader}));
}

TEST_F(Guarding, AnotherProcessSeesAndMakesTheSame) {
  auto second_database = database::open_sqlite((folder / "index.db").string());
  ASSERT_TRUE(second_database);
  GuardOptions options;
  options.key_file = (folder / "node.key").string();
  auto second = Guard::open(**second_database, clock, options);
  ASSERT_TRUE(second);
  ASSERT_TRUE((*second)->add_person("anna", {Role::reader}, secret("correct horse")));
  const auto token = (*second)->create_token("anna", {Role::reader});
  ASSERT_TRUE(token);
  EXPECT_TRUE(guard->authenticate(with_token(*token)));
  const auto session = guard->sign_in("anna", secret("correct horse"), "1");
  ASSERT_TRUE(session);
  EXPECT_TRUE((*second)->authenticate(with_cookie(session->token)));
  EXPECT_EQ((*second)->pseudonyms().pseudonym("study", "1.2"), guard->pseudonyms().pseudonym("study", "1.2"));
}

TEST_F(Guarding, BadPeopleAreRefused) {
  EXPECT_EQ(guard->add_person("", {Role::reader}, secret("long enough")).error().code, "person.name");
  EXPECT_EQ(guard->add_person("../x", {Role::reader}, secret("long enough")).error().code, "person.name");
  EXPECT_EQ(guard->add_person("anna", {Role::reader}, secret("short")).error().code, "person.password");
  EXPECT_EQ(guard->add_person("anna", {}, secret("long enough")).error().code, "role.none");
  EXPECT_EQ(guard->add_person("anna", {Role::service}, secret("long enough")).error().code, "role.holder");
  ASSERT_TRUE(guard->add_person("anna", {Role::reader}, secret("long enough")));
  EXPECT_EQ(guard->add_person("anna", {Role::reader}, secret("long enough")).error().fault, Fault::conflict);
}

TEST_F(Guarding, StrangeCredentialsAreNobody) {
  wire::Request request;
  EXPECT_EQ(guard->authenticate(request).error().fault, Fault::unauthenticated);
  for (const std::string& header : {std::string("Basic YTpi"), std::string("Bearer "),
                                    std::string("Bearer x' OR '1'='1"), "Bearer " + std::string(10000, 'x')}) {
    request.headers.set("Authorization", header);
    EXPECT_EQ(guard->authenticate(request).error().fault, Fault::unauthenticated);
  }
}

TEST_F(Guarding, CookieIsOutOfReachOfScriptsAndOtherSites) {
  const std::string cookie = guard->set_cookie(secret("abc"));
  EXPECT_EQ(cookie, "vedette_session=abc; Path=/; HttpOnly; SameSite=Strict; Max-Age=43200");
  EXPECT_NE(guard->set_cookie(Secret()).find("Max-Age=0"), std::string::npos);
}

TEST_F(Guarding, PseudonymsDependOnKeyKindAndText) {
  const Pseudonyms& names = guard->pseudonyms();
  const std::string study = names.pseudonym("study", "1.2.3");
  EXPECT_EQ(study.size(), 6 + 26U);
  EXPECT_EQ(study, names.pseudonym("study", "1.2.3"));
  EXPECT_NE(study.substr(6), names.pseudonym("study", "1.2.4").substr(6));
  EXPECT_NE(study.substr(6), names.pseudonym("series", "1.2.3").substr(7));
  const auto other = Pseudonyms::open((folder / "other.key").string());
  ASSERT_TRUE(other);
  EXPECT_NE(study, other->pseudonym("study", "1.2.3"));
}

TEST_F(Guarding, TheKeyIsOnlyForItsOwner) {
  const auto key = folder / "node.key";
  EXPECT_EQ(std::filesystem::status(key).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  std::filesystem::permissions(key, std::filesystem::perms::group_read, std::filesystem::perm_options::add);
  const auto open = Pseudonyms::open(key.string());
  ASSERT_FALSE(open);
  EXPECT_EQ(open.error().code, "secret.readable");
}

TEST_F(Guarding, ARunThatEndsWhileItMakesItsKeyLeavesNoHalfOfOne) {
  const std::string key = (folder / "begun.key").string();
  for (const char* point : {"guard.key_written", "guard.key_made"}) {
    const ::pid_t child = ::fork();
    if (child == 0) {
      crash_target().set(point);
      (void)Pseudonyms::open(key);
      ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << point << " was not passed";
    const bool named = std::filesystem::exists(key);
    EXPECT_EQ(named, std::string_view(point) == "guard.key_made");
    const auto first = Pseudonyms::open(key);
    ASSERT_TRUE(first) << first.error().text();
    EXPECT_EQ(first->pseudonym("study", "1.2.3"), Pseudonyms::open(key)->pseudonym("study", "1.2.3"));
    std::filesystem::remove(key);
  }
}

TEST(Roles, NamesGoBothWaysAndTyposAreHelped) {
  const auto roles = Roles::from_names({"reader", "auditor"});
  ASSERT_TRUE(roles);
  EXPECT_EQ(roles->text(), "reader auditor");
  const auto typo = Roles::from_names({"radiografer"});
  ASSERT_FALSE(typo);
  EXPECT_NE(typo.error().remedy.find("radiographer"), std::string::npos);
}

}  // namespace
}  // namespace vedette::guard
