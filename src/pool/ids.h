#pragma once
/// Names of the objects a worker keeps, for the rooms that talk about them without knowing them.

#include "base/handle.h"

namespace pgring::pool {

struct BackendTag;
struct SessionTag;

using BackendId = base::Handle<BackendTag>;
using SessionId = base::Handle<SessionTag>;

}  // namespace pgring::pool
