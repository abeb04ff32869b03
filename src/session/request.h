#pragma once
/// Messages of a frontend that a server answers.

#include <cstdint>

namespace pgring::session {

/// Which message is answered.
enum class Request : std::uint8_t {
    Query,
    FunctionCall,
    Parse,
    Bind,
    Describe,
    Execute,
    Close,
    Sync,
    /// CopyDone or CopyFail: not answered by itself, but it ends the stretch in which Syncs are ignored.
    CopyEnd,
};

}  // namespace pgring::session
