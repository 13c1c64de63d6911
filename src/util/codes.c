/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The codes of bootshift.h as a table, and the functions of the library that look in it. */
#include "bootshift.h"

/* Together with the compiler's warning of a code that is initialized twice: no value is left out. */
#define BS_CODE(symbol, value, name, exit, advice)                                                 \
	_Static_assert((value) < BS_CODE_COUNT, "BS_CODE_COUNT is too small");
BS_CODES(BS_CODE)
#undef BS_CODE
#define BS_CODE(symbol, value, name, exit, advice) char symbol##_;
struct codes_one_byte_each {
	BS_CODES(BS_CODE)
};
#undef BS_CODE
_Static_assert(sizeof(struct codes_one_byte_each) == BS_CODE_COUNT, "BS_CODE_COUNT is wrong");

static const struct {
	const char *name;
	enum bs_exit exit;
	const char *advice;
} codes[] = {
#define BS_CODE(symbol, value, name, exit, advice) [symbol] = {name, exit, advice},
	BS_CODES(BS_CODE)
#undef BS_CODE
};

const char *bs_code_name(enum bs_code code)
{
	return (unsigned)code < BS_CODE_COUNT ? codes[code].name : "unknown";
}

enum bs_exit bs_code_exit(enum bs_code code)
{
	return (unsigned)code < BS_CODE_COUNT ? codes[code].exit : BS_EXIT_FAILED;
}

const char *bs_code_advice(enum bs_code code)
{
	return (unsigned)code < BS_CODE_COUNT ? codes[code].advice : "";
}

bool bs_code_is_cured(enum bs_code code)
{
	static const enum bs_code cured[] = {BS_NO_ACTIVE_PARTITION, BS_SEVERAL_ACTIVE,
					     BS_SYSTEM_PARTITION,    BS_BOOTMGR_MISSING,
					     BS_BOOTMGR_DAMAGED,     BS_BCD_MISSING,
					     BS_BCD_DAMAGED,         BS_BCD_DIRTY,
					     BS_NO_DEFAULT_ENTRY,    BS_DEFAULT_ENTRY_BROKEN};

	for (size_t i = 0; i < sizeof(cured) / sizeof(cured[0]); i++)
		if (cured[i] == code)
			return true;
	return false;
}
