#include <nlohmann/json.hpp>

#include "guard/guard_testing.hpp"
#include "guard/router.hpp"
#include "wire/http_testing.hpp"

namespace vedette::guard {
namespace {

class Routing : public testing_::GuardTest {
 protected:
  void SetUp() override {
    GuardTest::SetUp();
    RouterOptions options;
    options.body_bytes = 10;
    router = std::make_unique<Router>(*guard, options);
    const auto say = [](const char* text) {
      return [text](const Call& call) {
        std::string out =
            std::string(text) + " " + call.param("uid") + call.param("rest") + " by " + call.caller.name();
        if (call.request.body != nullptr) {
          auto body = call.request.body->all(1000);
          if (!body) return wire::Response::problem(body.error());
          out += " [" + *body + "]";
        }
        return wire::Response::json(out);
      };
    };
    router->add({"GET", "/livez", open, "live", "node", "Lives", "", "", say("live")});
    router->add({"POST", "/api/session", open, "signIn", "session", "Sign in", "Credentials", "Session", say("session"),
                 0, "application/json", 200, false});
    router->add(
        {"GET", "/api/studies/{uid}", anyone_signed_in, "study", "study", "A study", "", "Study", say("study")});
    router->add({"GET", "/api/studies/special", anyone_signed_in, "special", "study", "Special", "",
                 R"({"type":"object"})", say("special")});
    router->add({"POST", "/api/studies/{uid}/findings", Roles{Role::reader, Role::screening_reader}, "addFinding",
                 "study", "Add", "Finding", "Finding", say("added"), 0, "application/json", 201});
    router->add(
        {"POST", "/api/uploads", Roles{Role::radiographer}, "upload", "study", "Upload", "", "", say("uploaded"), 100});
    router->add({"GET", "/dicom-web/{rest*}", anyone_signed_in, "web", "dicomweb", "DICOMweb", "", "", say("web")});
    router->set_fallback([](wire::Request&) { return wire::Response::json("page"); });
    ASSERT_TRUE(guard->add_person("anna", {Role::reader}, secret("correct horse")));
    ASSERT_TRUE(guard->add_person("rolf", {Role::radiographer}, secret("correct horse")));
  }
  wire::Response ask(wire::Request request, const std::string& method, const std::string& path,
                     const std::string& body = "") {
    request.method = method;
    request.path = path;
    wire::TextPieces text(body);
    request.body = &text;
    return router->handle(request);
  }
  static std::string text(const wire::Response& response) { return std::get<std::string>(response.body); }
  wire::Request token(const std::string& name, Roles roles) { return with_token(*guard->create_token(name, roles)); }

  std::unique_ptr<Router> router;
};

TEST_F(Routing, AnonymousGets401EverywhereButOnOpenRoutesAndPages) {
  EXPECT_EQ(ask({}, "GET", "/livez").status, 200);
  EXPECT_EQ(ask({}, "POST", "/api/session").status, 200);
  EXPECT_EQ(text(ask({}, "GET", "/study/1")), "page");
  for (const char* path : {"/api/studies/1.2", "/api/none", "/dicom-web/studies", "/api", "/dicom-web"}) {
    EXPECT_EQ(ask({}, "GET", path).status, 401) << path;
  }
  EXPECT_EQ(ask({}, "DELETE", "/api/studies/1.2").status, 401);
  EXPECT_EQ(ask({}, "POST", "/api/studies/1.2/findings").status, 401);
}

TEST_F(Routing, LiteralsWinOverParametersAndRestTakesAll) {
  const wire::Request anna = token("anna", {Role::reader});
  EXPECT_EQ(text(ask(anna, "GET", "/api/studies/special")), "special  by anna []");
  EXPECT_EQ(text(ask(anna, "GET", "/api/studies/1.2")), "study 1.2 by anna []");
  EXPECT_EQ(text(ask(anna, "GET", "/dicom-web/studies/1/series")), "web studies/1/series by anna []");
  EXPECT_EQ(text(ask(anna, "HEAD", "/api/studies/1.2/")), "study 1.2 by anna []");
}

TEST_F(Routing, UnknownPathsAndMethodsAreToldApart) {
  const wire::Request anna = token("anna", {Role::reader});
  EXPECT_EQ(ask(anna, "GET", "/api/none").status, 404);
  const wire::Response wrong = ask(anna, "PUT", "/api/studies/1.2");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.headers.get("Allow"), "GET, HEAD");
  EXPECT_EQ(ask(anna, "POST", "/study/1").status, 405);
}

TEST_F(Routing, RolesDecideAndTheProblemSaysWhich) {
  EXPECT_EQ(ask(token("anna", {Role::reader}), "POST", "/api/studies/1/findings").status, 200);
  const wire::Response refused = ask(token("rolf", {Role::radiographer}), "POST", "/api/studies/1/findings");
  EXPECT_EQ(refused.status, 403);
  EXPECT_NE(text(refused).find("reader screening_reader"), std::string::npos);
  EXPECT_EQ(ask(token("robot", {Role::service}), "POST", "/api/studies/1/findings").status, 403);
  EXPECT_EQ(ask(token("eve", {Role::tool_engineer}), "POST", "/api/studies/1/findings").status, 403);
}

TEST_F(Routing, ChangesByCookieNeedTheCsrfToken) {
  const auto session = guard->sign_in("anna", secret("correct horse"), "1");
  ASSERT_TRUE(session);
  wire::Request request = with_cookie(session->token);
  EXPECT_EQ(ask(request, "GET", "/api/studies/1").status, 200);
  wire::Response answer = ask(request, "POST", "/api/studies/1/findings");
  EXPECT_EQ(answer.status, 403);
  EXPECT_NE(text(answer).find("csrf.missing"), std::string::npos);
  request.headers.set("X-CSRF-Token", "wrong");
  EXPECT_EQ(ask(request, "POST", "/api/studies/1/findings").status, 403);
  request.headers.set("X-CSRF-Token", session->caller.csrf());
  EXPECT_EQ(ask(request, "POST", "/api/studies/1/findings").status, 200);
  const auto other = guard->sign_in("rolf", secret("correct horse"), "1");
  request.headers.set("X-CSRF-Token", other->caller.csrf());
  EXPECT_EQ(ask(request, "POST", "/api/studies/1/findings").status, 403);
}

TEST_F(Routing, BodiesAreLimitedByRoute) {
  const wire::Request anna = token("anna", {Role::reader});
  const wire::Request rolf = token("rolf", {Role::radiographer});
  EXPECT_EQ(ask(anna, "POST", "/api/studies/1/findings", "0123456789").status, 200);
  EXPECT_EQ(ask(anna, "POST", "/api/studies/1/findings", "0123456789a").status, 413);
  EXPECT_EQ(ask(rolf, "POST", "/api/uploads", std::string(100, 'x')).status, 200);
  wire::Request announced = rolf;
  announced.headers.set("Content-Length", "101");
  EXPECT_EQ(ask(announced, "POST", "/api/uploads").status, 413);
}

TEST_F(Routing, OpenApiAndMatrixComeFromTheRows) {
  const auto document = nlohmann::json::parse(router->openapi("Vedette", "0.1", R"({"Study":{"type":"object"}})"));
  EXPECT_EQ(document["openapi"], "3.1.0");
  const auto& operation = document["paths"]["/api/studies/{uid}/findings"]["post"];
  EXPECT_EQ(operation["operationId"], "addFinding");
  EXPECT_EQ(operation["parameters"][0]["name"], "uid");
  EXPECT_EQ(operation["responses"]["201"]["content"]["application/json"]["schema"]["$ref"],
            "#/components/schemas/Finding");
  EXPECT_TRUE(document["paths"]["/livez"]["get"]["security"].empty());
  EXPECT_EQ(document["paths"]["/api/studies/special"]["get"]["responses"]["200"]["content"]["application/json"]
                    ["schema"]["type"],
            "object");
  EXPECT_TRUE(document["components"]["schemas"].contains("Problem"));
  const std::string matrix = router->matrix();
  EXPECT_NE(matrix.find("| POST | `/api/studies/{uid}/findings` |  |  | yes | yes | |"), std::string::npos) << matrix;
}

}  // namespace
}  // namespace vedette::guard
