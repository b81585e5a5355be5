/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * compositor - which process reads the player's devices and draws the desktop
 *
 * By name, because nothing better is needed: it is used only where there is no
 * input hook, which knows by whom a device is read. Who takes such a name gets
 * what every chain gets: a few milliseconds of a CPU while the player acts.
 */
#ifndef ARCADE_SRC_COMPOSITOR_H
#define ARCADE_SRC_COMPOSITOR_H

#include <sys/types.h>

/* Looks through @proc ("/proc"): some milliseconds on a full desktop. Return: its process id, 0 if there is none. */
pid_t compositor_find(const char *proc);

#endif
