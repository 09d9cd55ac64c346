#include "api/api.hpp"

#include "api/desk.hpp"

namespace vedette::api {

Api::Api(Parts parts) : desk_(std::make_unique<Desk>(std::move(parts))) {}
Api::~Api() = default;

std::vector<guard::Route> Api::routes() {
  Routes out;
  desk_->session(out);
  desk_->worklist(out);
  desk_->study(out);
  desk_->findings(out);
  desk_->review(out);
  desk_->results(out);
  desk_->tools(out);
  desk_->ledger(out);
  desk_->events(out);
  desk_->health(out);
  desk_->metrics(out);
  desk_->people(out);
  desk_->settings(out);
  desk_->uploads(out);
  return out;
}

wire::Handler Api::page() const {
  return [desk = desk_.get()](wire::Request& request) { return desk->static_file(request); };
}

}  // namespace vedette::api
