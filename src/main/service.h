#pragma once
/// The running service: workers on their cores, the monitor, the signals. Wiring only.

#include "config/settings.h"
#include "session/shared.h"

namespace pgring {

/// Serves until SIGTERM (drain) or SIGINT (at once). Returns the process's exit status; what prevented the
/// start has been printed to standard error.
[[nodiscard]] int serve(const config::Settings& settings, const session::AccessControl& access);

}  // namespace pgring
