#include "study/search.hpp"

#include <unistd.h>

#include "study/fold.hpp"
#include "study/study_fixture.hpp"

namespace vedette::study {
namespace {

using dicom::Tag;
using testing::ElementsAre;
using testing::UnorderedElementsAre;

class SearchTest : public StudyTest {
 protected:
  SearchTest() {
    make("1", "Müller^Jürgen", "20260101", "CT");
    make("2", "MUSTERMANN^Anna", "20260115", "PT");
    make("3", "Ωραίος^Νίκος", "20260201", "MR");
    make("4", "Yamada^Tarou=山田^太郎=やまだ^たろう", "20260301", "CT");
  }
  void make(const std::string& study, const std::string& name, const std::string& date, const std::string& modality) {
    InstanceRecord r = record(study, "1", 1, modality);
    r.patient_name = name;
    r.study_date = date;
    r.accession_number = "A-" + study;
    r.study_description = "Thorax " + study;
    add(r);
    if (modality == "PT")
      add([&] {
        InstanceRecord ct = r;
        ct.series_uid += ".7";
        ct.sop_instance_uid += ".7";
        ct.modality = "CT";
        return ct;
      }());
  }
  std::vector<std::string> studies(std::vector<Match> matches, std::size_t limit = 100, std::size_t offset = 0) {
    Search what;
    what.matches = std::move(matches);
    what.limit = limit;
    what.offset = offset;
    std::vector<std::string> out;
    for (const Found& found : read<std::vector<Found>>([&](auto& tx) { return search(tx, what); }))
      out.push_back(found.study.uid.substr(6));
    return out;
  }
  std::string code(const Search& what) {
    const auto done = database_->read_for<std::vector<Found>>([&](auto& tx) { return search(tx, what); });
    return done ? "" : done.error().code;
  }
};

constexpr Tag name{0x0010, 0x0010}, date{0x0008, 0x0020}, modalities{0x0008, 0x0061}, accession{0x0008, 0x0050},
    uid{0x0020, 0x000D};

TEST_F(SearchTest, StudiesComeNewestFirstAndInPages) {
  EXPECT_THAT(studies({}), ElementsAre("4", "3", "2", "1"));
  EXPECT_THAT(studies({}, 2, 1), ElementsAre("3", "2"));
}

TEST_F(SearchTest, NamesMatchWithoutCaseInLatinGreekAndByGroup) {
  EXPECT_THAT(studies({{name, "MÜLLER^JÜRGEN"}}), ElementsAre("1"));
  EXPECT_THAT(studies({{name, "mustermann^anna^^"}}), ElementsAre("2"));
  EXPECT_THAT(studies({{name, "mu*"}}), ElementsAre("2"));
  EXPECT_THAT(studies({{name, "m*"}}), ElementsAre("2", "1"));
  EXPECT_THAT(studies({{name, "*anna*"}}), ElementsAre("2"));
  EXPECT_THAT(studies({{name, "ΩΡΑΊΟ*"}}), ElementsAre("3"));
  EXPECT_THAT(studies({{name, "山田*"}}), ElementsAre("4"));
  EXPECT_THAT(studies({{name, "M?ller*"}}), ElementsAre("1"));
  EXPECT_THAT(studies({{name, "Muster"}}), ElementsAre());
}

TEST_F(SearchTest, DatesMatchExactlyAndByRange) {
  EXPECT_THAT(studies({{date, "20260115"}}), ElementsAre("2"));
  EXPECT_THAT(studies({{date, "20260110-20260201"}}), ElementsAre("3", "2"));
  EXPECT_THAT(studies({{date, "20260201-"}}), ElementsAre("4", "3"));
  EXPECT_THAT(studies({{date, "-20260114"}}), ElementsAre("1"));
  Search wrong;
  wrong.matches = {{date, "January"}};
  EXPECT_EQ(code(wrong), "search.value");
}

TEST_F(SearchTest, ModalitiesInStudyMatchAnyOfThem) {
  EXPECT_THAT(studies({{modalities, "CT"}}), ElementsAre("4", "2", "1"));
  EXPECT_THAT(studies({{modalities, "MR,PT"}}), ElementsAre("3", "2"));
  EXPECT_THAT(studies({{modalities, "CT"}, {date, "20260110-20260120"}}), ElementsAre("2"));
  EXPECT_THAT(studies({{{0x0008, 0x0060}, "PT"}}), ElementsAre("2"));
}

TEST_F(SearchTest, UidListsAndWildcardsAndQuotesAreTakenAsText) {
  EXPECT_THAT(studies({{uid, "1.2.3.1,1.2.3.3"}}), ElementsAre("3", "1"));
  EXPECT_THAT(studies({{uid, "1.2.3.1\\1.2.3.9"}}), ElementsAre("1"));
  EXPECT_THAT(studies({{accession, "a-?"}}), ElementsAre("4", "3", "2", "1"));
  EXPECT_THAT(studies({{accession, "A_1"}}), ElementsAre());
  EXPECT_THAT(studies({{accession, "' OR 1=1 --"}}), ElementsAre());
  EXPECT_THAT(studies({{{0x0008, 0x1030}, "*thorax*"}, {accession, "A-3"}}), ElementsAre("3"));
  Search wrong;
  wrong.matches = {{uid, "1.2.*"}};
  EXPECT_EQ(code(wrong), "search.value");
}

TEST_F(SearchTest, SeriesAndInstancesAreFoundBelowAndAcrossStudies) {
  Search series;
  series.level = Level::series;
  series.matches = {{{0x0008, 0x0060}, "CT"}};
  EXPECT_EQ(read<std::vector<Found>>([&](auto& tx) { return search(tx, series); }).size(), 3U);
  series.study_uid = "1.2.3.2";
  const auto below = read<std::vector<Found>>([&](auto& tx) { return search(tx, series); });
  ASSERT_EQ(below.size(), 1U);
  EXPECT_EQ(below[0].series->modality, "CT");
  Search instances;
  instances.level = Level::instance;
  instances.matches = {{{0x0008, 0x0018}, "1.2.3.4.1.1"}};
  const auto one = read<std::vector<Found>>([&](auto& tx) { return search(tx, instances); });
  ASSERT_EQ(one.size(), 1U);
  EXPECT_EQ(one[0].instance->uid, "1.2.3.4.1.1");
  EXPECT_EQ(one[0].instance->series_uid, "1.2.3.4.1");
}

TEST_F(SearchTest, AnAttributeThatIsNotMatchedHereIsRefusedAloud) {
  Search what;
  what.matches = {{{0x0008, 0x0018}, "1.2.3"}};
  EXPECT_EQ(code(what), "search.key");
  what.level = Level::instance;
  EXPECT_EQ(code(what), "");
  what.matches = {{{0x0018, 0x0050}, "1.25"}};
  EXPECT_EQ(code(what), "search.key");
}

TEST(Folded, SimpleCaseMappingOfEuropeanLetters) {
  EXPECT_EQ(folded("ÅÄÖŠČŽŁŃ ΩΔ ЖЩЁ ×"), "åäöščžłń ωδ жщё ×");
  EXPECT_EQ(folded_name("Doe^John^^^ ==").alphabetic, "doe^john");
}

}  // namespace
}  // namespace vedette::study
