#pragma once

#include <string>

#include "base/clock.hpp"
#include "dicom/data_set.hpp"

namespace vedette::report {

/// What every object of this node says about its origin (General and Enhanced General Equipment, PS3.3 C.7.5.1 and
/// C.7.5.2).
struct Equipment {
  std::string manufacturer = "Vedette";
  std::string model = "Vedette";
  std::string software_version;
  std::string serial;       ///< of the node
  std::string institution;  ///< name of the centre, may be empty
};

/// Copies the Patient, General Study and Patient Study modules from the header of an image of the study.
void copy_patient_and_study(const dicom::DataSet& source, dicom::DataSet& target);
void set_equipment(const Equipment& equipment, dicom::DataSet& target);
/// SOP Common and the content's date and time in UTC, with Timezone Offset From UTC +0000.
void set_sop_common(std::string_view sop_class_uid, std::string_view sop_instance_uid, Instant when,
                    dicom::DataSet& target);
/// "20261123" and "104246.123" in UTC.
std::string dicom_date(Instant when);
std::string dicom_time(Instant when);

}  // namespace vedette::report
