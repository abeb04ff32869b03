#pragma once
/// What the instruments' command lines and processes have in common.

#include <expected>
#include <string>
#include <string_view>

#include "topology/topology.h"
#include "uring/sockets.h"

namespace pgring::bench {

/// HOST:PORT, or FOLDER:PORT for the unix socket in it; the error is a sentence.
[[nodiscard]] std::expected<topology::Address, std::string> parse_address(std::string_view text);

/// A descriptor that becomes readable with SIGINT or SIGTERM, which do nothing else from now on.
[[nodiscard]] uring::Descriptor stop_signals();

/// As many descriptors as the process may have.
void raise_descriptor_limit();

}  // namespace pgring::bench
