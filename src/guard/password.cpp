#include "guard/password.hpp"

#include <argon2.h>

#include <array>

#include "base/digest.hpp"

namespace vedette::guard {
namespace {

// OWASP Password Storage, Argon2id: 19 MiB, two passes, one lane.
constexpr std::uint32_t passes = 2;
constexpr std::uint32_t memory_kib = 19456;
constexpr std::uint32_t lanes = 1;
constexpr std::size_t salt_bytes = 16;
constexpr std::size_t hash_bytes = 32;

}  // namespace

Result<std::string> password_hash(const Secret& password) {
  const std::string salt = random_bytes(salt_bytes);
  std::array<char, 256> encoded{};
  const std::string& text = password.reveal();
  const int result = argon2id_hash_encoded(passes, memory_kib, lanes, text.data(), text.size(), salt.data(),
                                           salt.size(), hash_bytes, encoded.data(), encoded.size());
  if (result != ARGON2_OK) {
    return Error{Fault::exhausted,
                 "auth.password",
                 "The password cannot be worked on",
                 "",
                 "Free memory on this machine.",
                 argon2_error_message(result)};
  }
  return std::string(encoded.data());
}

bool password_matches(const std::string& hash, const Secret& password) {
  static const std::string nobody = password_hash(Secret(random_bytes(32))).value_or("");
  const std::string& text = password.reveal();
  const std::string& against = hash.empty() ? nobody : hash;
  const bool right = argon2id_verify(against.c_str(), text.data(), text.size()) == ARGON2_OK;
  return right && !hash.empty();
}

}  // namespace vedette::guard
