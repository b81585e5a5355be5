// SPDX-License-Identifier: GPL-2.0-only
#include "series.h"

#include <math.h>

void series_add(struct series *series, double value)
{
	series->values[series->nr++ % SERIES_LENGTH] = value;
}

void series_add_gap(struct series *series)
{
	series_add(series, NAN);
}

double series_at(const struct series *series, size_t age)
{
	if (age >= series->nr || age >= SERIES_LENGTH)
		return NAN;
	return series->values[(series->nr - 1 - age) % SERIES_LENGTH];
}

double series_max(const struct series *series, size_t nr)
{
	double max = 0;

	for (size_t age = 0; age < nr && age < SERIES_LENGTH; age++) {
		double value = series_at(series, age);

		if (value > max)
			max = value;
	}
	return max;
}
