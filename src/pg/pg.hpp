// PostgreSQL's headers as C, in the order that they demand. Every file outside src/core starts with this one.
#pragma once

extern "C" {
#include "postgres.h"

#include "access/xact.h"
#include "catalog/objectaddress.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "utils/elog.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
}

// These macros of PostgreSQL's would otherwise rewrite C++ library and project names.
#undef _
#undef gettext
#undef dgettext
#undef ngettext
#undef dngettext
