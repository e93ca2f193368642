# The build of record: PGXS. The README's two commands, demo and test, are at the end.
EXTENSION = schema_guard
MODULE_big = schema_guard

CORE_SOURCES = $(sort $(wildcard src/core/*.cpp))
SOURCES = src/schema_guard.cpp $(CORE_SOURCES) \
	$(sort $(wildcard src/pg/*.cpp src/sensors/*.cpp src/policy/*.cpp src/approval/*.cpp src/audit/*.cpp \
	src/setup/*.cpp))
OBJS = $(SOURCES:.cpp=.o)

# The install script is put together from the rooms, in the order in which they depend on each other.
EXTENSION_SCRIPT = schema_guard--1.0.sql
ROOMS = src/pg/schema.sql src/policy/policy.sql src/audit/audit.sql src/approval/approval.sql src/setup/setup.sql \
	src/sensors/sensors.sql
DATA_built = $(EXTENSION_SCRIPT)

EXTRA_CLEAN = $(EXTENSION_SCRIPT) $(OBJS:.o=.d) results output_iso tmp_check build

# No exceptions and no run-time types: an exception that left this library would end the whole cluster.
PG_CXXFLAGS = -std=c++20 -fno-exceptions -fno-rtti -fno-threadsafe-statics -fvisibility-inlines-hidden \
	-Wall -Wextra -Wno-unused-parameter -Wno-register -DBOOST_CONTAINER_USER_DEFINED_THROW_CALLBACKS -I$(srcdir)/src -MMD -MP
ifdef WERROR
PG_CXXFLAGS += -Werror
endif
# Bitcode for the server's JIT is of no use to hooks, and PGXS compiles it without PG_CXXFLAGS. PGXS sets this too, and
# looks at it while it is read.
override with_llvm = no

SHLIB_LINK += -Wl,--version-script=$(srcdir)/src/exports.map

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)
ifneq ($(PGXS),)
include $(PGXS)
else
all install:
	@echo "no pg_config: set PG_CONFIG, or run test/install-packages" >&2 && exit 1
endif

$(EXTENSION_SCRIPT): $(ROOMS)
	cat $(ROOMS) > $@

-include $(OBJS:.o=.d)

# The README's two commands, and what a contributor needs beside them. The scripts find PostgreSQL by themselves:
# when make reads this, there may be none yet.
.PHONY: demo test lint format
MAKEFLAGS += --no-print-directory

demo:
	@test/install-packages
	@test/install-extension
	@test/run-demo

test:
	@test/run-all

lint:
	@test/install-packages
	@test/run-format
	@test/run-tidy

format:
	@test/install-packages
	find src test -name '*.[ch]pp' | xargs clang-format -i
