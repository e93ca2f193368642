// Who may drop what.
#pragma once

#include "core/object.hpp"

namespace schema_guard {

// True if the current role may drop the object: as a superuser, as the owner of its schema, or as its owner. For
// anything but relations, whose rules differ between DROP and ALTER; see object_lookup.cpp.
bool may_drop(const Address &object);

} // namespace schema_guard
