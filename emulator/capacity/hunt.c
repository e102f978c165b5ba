/* See hunt.h: first a bracket around the guess, then away from it by strides that double, then thirds of it. */
#include "emulator/capacity/hunt.h"

#include <math.h>

#define STRIDE_FIRST_PPM 40000
#define STEPS_MAX 40

uint64_t hunt_round(uint64_t value, uint32_t digits, bool up)
{
	uint64_t unit = 1, most = 1;

	for (uint32_t i = 0; i < digits; i++)
		most *= 10;
	while (digits && value / unit >= most)
		unit *= 10;
	return up && value % unit ? (value / unit + 1) * unit : value / unit * unit;
}

static uint64_t within(const struct hunt *hunt, uint64_t value)
{
	return value < hunt->floor ? hunt->floor : value > hunt->ceiling ? hunt->ceiling : value;
}

static uint64_t scaled(uint64_t value, uint64_t ppm)
{
	__extension__ unsigned __int128 product = (unsigned __int128)value * ppm / 1000000;

	return product > UINT64_MAX / 2 ? UINT64_MAX / 2 : (uint64_t)product;
}

void hunt_begin(struct hunt *hunt, uint64_t floor, uint64_t ceiling, uint64_t tolerance_ppm, uint32_t digits,
		uint64_t guess)
{
	*hunt = (struct hunt){ .floor = floor,
			       .ceiling = ceiling,
			       .tolerance_ppm = tolerance_ppm,
			       .digits = digits,
			       .stride_ppm = tolerance_ppm > STRIDE_FIRST_PPM ? tolerance_ppm : STRIDE_FIRST_PPM };
	hunt->guess = within(hunt, guess);
}

void hunt_know(struct hunt *hunt, uint64_t fails)
{
	if (fails < hunt->floor || fails >= hunt->ceiling)
		return;
	hunt->fails = hunt->known_fails = fails;
	hunt->guess = hunt->guess > fails ? hunt->guess : fails + 1;
	hunt->aim = hunt->guess;
}

void hunt_know_holds(struct hunt *hunt, uint64_t holds)
{
	hunt->holds = hunt->known_holds = hunt->ceiling = holds;
	if (holds <= hunt->floor) {
		hunt->ended = true;
		return;
	}
	hunt->guess = hunt->guess < holds ? hunt->guess : holds - 1;
	hunt->aim = hunt->guess;
}

static bool close_enough(const struct hunt *hunt)
{
	if (!hunt->fails || !hunt->holds)
		return false;
	return hunt->holds - hunt->fails <= 1 || hunt->holds <= scaled(hunt->fails, 1000000 + hunt->tolerance_ppm) ||
	       hunt_round(hunt->fails + 1, hunt->digits, true) >= hunt->holds;
}

/* Both in ascending order, once where they are the same. */
static uint32_t put(const struct hunt *hunt, uint64_t low, uint64_t high, uint64_t tries[HUNT_TRIES])
{
	low = within(hunt, hunt_round(low, hunt->digits, false));
	high = within(hunt, hunt_round(high, hunt->digits, true));
	/* Rounded up to what is known. */
	if (hunt->holds && high >= hunt->holds)
		high = low;
	if (hunt->single || (hunt->fails && low <= hunt->fails))
		low = high;
	tries[0] = low;
	tries[1] = high;
	return high > low ? 2 : 1;
}

/* Between the ends, a third of the way from each, on the scale of ratios. */
static uint32_t put_between(const struct hunt *hunt, uint64_t tries[HUNT_TRIES])
{
	double ratio = (double)hunt->holds / (double)hunt->fails;
	uint64_t low = (uint64_t)((double)hunt->fails * cbrt(ratio)), high = (uint64_t)((double)hunt->fails * cbrt(ratio * ratio));
	uint64_t least = hunt_round(hunt->fails + 1, hunt->digits, true), most = hunt_round(hunt->holds - 1, hunt->digits, false);

	low = hunt_round(low, hunt->digits, false);
	high = hunt_round(high, hunt->digits, true);
	low = low < least ? least : low > most ? most : low;
	high = high < least ? least : high > most ? most : high;
	tries[0] = low;
	tries[1] = high;
	return high > low ? 2 : 1;
}

uint32_t hunt_next(const struct hunt *hunt, uint64_t tries[HUNT_TRIES])
{
	/* One alone is to hold at once, and not to be far above. */
	uint64_t half = hunt->tolerance_ppm / (hunt->single ? 4 : 2);

	if (hunt->ended)
		return 0;
	if (hunt->fails && hunt->holds)
		return put_between(hunt, tries);
	if (hunt->aim && hunt->aim > hunt->fails && (!hunt->holds || hunt->aim < hunt->holds))
		return put(hunt, half ? scaled(hunt->aim, 1000000 - half) : hunt->aim - 1, scaled(hunt->aim, 1000000 + half), tries);
	if (hunt->fails)
		return put(hunt, scaled(hunt->fails, 1000000 + hunt->stride_ppm) + 1,
			   scaled(hunt->fails, 1000000 + 2 * hunt->stride_ppm) + 2, tries);
	if (hunt->holds) {
		uint64_t low = scaled(hunt->holds, 1000000000000 / (1000000 + 2 * hunt->stride_ppm));
		uint64_t high = scaled(hunt->holds, 1000000000000 / (1000000 + hunt->stride_ppm));
		return put(hunt, low, high < hunt->holds ? high : hunt->holds - 1, tries);
	}
	return put(hunt, half ? scaled(hunt->guess, 1000000 - half) : hunt->guess - 1,
		   half ? scaled(hunt->guess, 1000000 + half) : hunt->guess, tries);
}

void hunt_tell(struct hunt *hunt, uint64_t value, bool holds)
{
	if (hunt->known_holds && value >= hunt->known_holds)
		holds = true;
	else if (value <= hunt->known_fails)
		holds = false;
	if (holds && (!hunt->holds || value < hunt->holds))
		hunt->holds = value;
	if (!holds && value > hunt->fails)
		hunt->fails = value;
	/* Where it does not hold for good after all, the later word counts. */
	if (hunt->fails && hunt->holds && hunt->fails >= hunt->holds) {
		if (holds)
			hunt->fails = hunt->known_fails;
		else
			hunt->holds = hunt->known_holds;
	}
}

void hunt_aim(struct hunt *hunt, uint64_t value)
{
	hunt->aim = value;
}

void hunt_step(struct hunt *hunt)
{
	bool one_end = !hunt->fails != !hunt->holds;

	if (one_end && hunt->steps)
		hunt->stride_ppm = hunt->stride_ppm < 4000000 ? 3 * hunt->stride_ppm : hunt->stride_ppm;
	hunt->steps++;
	hunt->ended = close_enough(hunt) || hunt->steps >= STEPS_MAX || (hunt->holds && hunt->holds <= hunt->floor) ||
		      (hunt->fails && hunt->fails >= hunt->ceiling);
}
