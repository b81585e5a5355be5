/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * device - how a packet says whether it counts
 *
 * No number of the packet's own would do for this: the kernel hands on what a
 * mouse says, and a mouse says steps.
 */
#ifndef SCENE_DEVICE_H
#define SCENE_DEVICE_H

#include <linux/input-event-codes.h>

#define DEVICE_STEP_WARMUP	1
#define DEVICE_STEP_COUNTED	2
#define DEVICE_KEY_WARMUP	KEY_F23
#define DEVICE_KEY_COUNTED	KEY_F24

#endif
