# SPDX-License-Identifier: GPL-2.0-only
# The comparison's part of the Makefile: make bench BENCH="--quick"

BENCH ?=

.PHONY: bench
bench: all
	$(Q)tools/bench $(BENCH)

# tests/bench/report.py plays a scene, too.
test-programs-unit: $(B)/scene
