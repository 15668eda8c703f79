// SPDX-License-Identifier: LGPL-3.0-only
/* The two number tables of FLUID text forms: 1626 (and 7 short) words, 576 emoji. */
#ifndef FORMAT_FLUID_H
#define FORMAT_FLUID_H

#define FLUID_WORDS 1626
#define FLUID_EMOJI 576

/* Words by value, lower case; the seven after FLUID_WORDS mark a third word worth 24 bits only. */
extern const char fluid_words[FLUID_WORDS + 7][8];
/* The last two bytes in UTF-8 of each emoji by value; the first two are F0 9F. */
extern const unsigned char fluid_emoji[FLUID_EMOJI][2];

#endif
