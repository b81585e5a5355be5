/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pcm - an audio device for tests, by the kernel's own interface
 */
#ifndef ARCADE_TESTS_VM_PCM_H
#define ARCADE_TESTS_VM_PCM_H

#include <fcntl.h>
#include <sound/asound.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define PCM_RATE	48000
#define PCM_FRAME_BYTES 4	/* two channels of 16 bits */

static inline void pcm_only(struct snd_pcm_hw_params *params, int mask, uint32_t value)
{
	struct snd_mask *bits = &params->masks[mask - SNDRV_PCM_HW_PARAM_FIRST_MASK];

	memset(bits->bits, 0, sizeof(bits->bits));
	bits->bits[value / 32] = 1u << (value % 32);
}

static inline void pcm_exactly(struct snd_pcm_hw_params *params, int interval, uint32_t value)
{
	params->intervals[interval - SNDRV_PCM_HW_PARAM_FIRST_INTERVAL] =
		(struct snd_interval){ .min = value, .max = value, .integer = 1 };
}

/* Plays at PCM_RATE in periods of @period frames, four of which are buffered. Return: a descriptor, -1 with errno. */
static inline int pcm_open(const char *path, uint32_t period)
{
	struct snd_pcm_hw_params hw = { .rmask = ~0u };
	struct snd_pcm_sw_params sw = {
		.period_step = 1, .avail_min = period, .start_threshold = period, .stop_threshold = 4 * period,
		.boundary = 4 * period,
	};
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return -1;
	for (size_t i = 0; i < sizeof(hw.masks) / sizeof(hw.masks[0]); i++)
		memset(&hw.masks[i], 0xff, sizeof(hw.masks[i]));
	for (size_t i = 0; i < sizeof(hw.intervals) / sizeof(hw.intervals[0]); i++)
		hw.intervals[i].max = ~0u;
	pcm_only(&hw, SNDRV_PCM_HW_PARAM_ACCESS, (uint32_t)SNDRV_PCM_ACCESS_RW_INTERLEAVED);
	pcm_only(&hw, SNDRV_PCM_HW_PARAM_FORMAT, (uint32_t)SNDRV_PCM_FORMAT_S16_LE);
	pcm_exactly(&hw, SNDRV_PCM_HW_PARAM_CHANNELS, 2);
	pcm_exactly(&hw, SNDRV_PCM_HW_PARAM_RATE, PCM_RATE);
	pcm_exactly(&hw, SNDRV_PCM_HW_PARAM_PERIOD_SIZE, period);
	pcm_exactly(&hw, SNDRV_PCM_HW_PARAM_PERIODS, 4);
	while (sw.boundary < 1u << 30)
		sw.boundary *= 2;
	if (ioctl(fd, SNDRV_PCM_IOCTL_HW_PARAMS, &hw) || ioctl(fd, SNDRV_PCM_IOCTL_SW_PARAMS, &sw) ||
	    ioctl(fd, SNDRV_PCM_IOCTL_PREPARE)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Silence for one period; waits for room. Return: false when the device had run dry, and goes on. */
static inline bool pcm_write_period(int fd, uint32_t period)
{
	static char silence[PCM_RATE * PCM_FRAME_BYTES / 10];
	struct snd_xferi xfer = { .buf = silence, .frames = period };

	if (!ioctl(fd, SNDRV_PCM_IOCTL_WRITEI_FRAMES, &xfer))
		return true;
	ioctl(fd, SNDRV_PCM_IOCTL_PREPARE);
	return false;
}

#endif
